import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type ResponseOp, type TxnRequest, TxnResponse } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { concatBytes, utf8Text } from '../../core/bytes.ts';
import { addCommand, configurationOf, type Session, withClient } from '../command.ts';
import { fileProblem } from '../config/file-problem.ts';
import { settings } from '../config/settings.ts';
import type { Output } from '../dependencies.ts';
import { usageFailure } from '../exit-codes.ts';
import { json } from '../output.ts';
import { parseJsonTxn } from '../txn/json.ts';
import { parseTxn, syntaxHelp, TxnSyntaxError } from '../txn/syntax.ts';
import { pairTable } from './keys.ts';

const scopes = ['client'] as const;

export function addTxnCommand(program: Command, session: Session): void {
  addCommand(program, 'txn', 'Compare, then write: all of it at once, or none', scopes)
    .argument('[FILE]', 'The transaction; - or nothing reads it from stdin', '-')
    .addHelpText(
      'after',
      `
${syntaxHelp}

Examples:
  quorate txn take-lock.txn
  printf 'then\\n put a 1\\n put b 2\\n' | quorate txn

The exit code is 0 whichever branch was taken; the first line of the output says which.`,
    )
    .action(async (file: string, _options: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const { stdout } = session.dependencies;
      const request = readTxn(await readSource(file, session), file);
      const answer = await withClient(session, configuration, (client) => client.txn(request));
      if (configuration.required(settings.output) === 'json') {
        stdout.write(json({ succeeded: answer.succeeded, ...(TxnResponse.toJSON(answer) as object) }));
      } else {
        stdout.write(describe(answer, stdout));
      }
    });
}

async function readSource(file: string, session: Session): Promise<string> {
  try {
    if (file !== '-') return utf8Text(await readFile(file));
    const chunks: Uint8Array[] = [];
    for await (const chunk of session.dependencies.stdin) chunks.push(chunk);
    return utf8Text(concatBytes(chunks));
  } catch (error) {
    const source = file === '-' ? 'stdin' : file;
    throw usageFailure(`${source} cannot be read as text: ${fileProblem(error)}. Nothing was sent.`);
  }
}

function readTxn(text: string, file: string): TxnRequest {
  try {
    return text.trimStart().startsWith('{') ? parseJsonTxn(text) : parseTxn(text);
  } catch (error) {
    if (!(error instanceof TxnSyntaxError)) throw error;
    const source = file === '-' ? 'stdin' : file;
    throw usageFailure(`${source}, line ${error.line}: ${error.message}. Nothing was sent.`);
  }
}

function describe(answer: TxnResponse, output: Output): string {
  const branch = answer.succeeded ? 'then (all comparisons held)' : 'else (a comparison did not hold)';
  const header = `${branch}, at revision ${answer.header?.revision ?? 0n}\n`;
  return header + answer.responses.map((response, at) => describeResponse(response, at + 1, output)).join('');
}

function describeResponse({ response }: ResponseOp, position: number, output: Output): string {
  switch (response?.$case) {
    case 'responsePut':
      return `${position}. put: done\n`;
    case 'responseDeleteRange':
      return `${position}. del: ${response.value.deleted} deleted\n`;
    case 'responseRange': {
      const pairs = response.value.kvs;
      return `${position}. get: ${response.value.count} found\n${pairs.length === 0 ? '' : pairTable(pairs, output)}`;
    }
    case 'responseTxn':
      return `${position}. txn: ${describe(response.value, output)}`;
    case undefined:
      return `${position}. no answer\n`;
  }
}
