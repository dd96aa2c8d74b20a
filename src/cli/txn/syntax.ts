import type {
  Compare,
  Compare_CompareResult,
  RequestOp,
  TxnRequest,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { deleteRequest, prefixEnd, putRequest, rangeRequest, withoutEnd } from '../../client/wire/index.ts';
import { emptyBytes } from '../../core/bytes.ts';
import { type Token, tokenize } from './tokens.ts';

/** The language of transactions, for the help. */
export const syntaxHelp = `The transaction is read from FILE, or from stdin:

  if                                  # every comparison must hold; may be left out
    version("lock") = 0               # 0: the key is not there
    value("config/mode") != "off"     # also: create(KEY), mod(KEY), lease(KEY) with = != > <
  then
    put "lock" "worker-7"
    get "config/" --prefix
  else                                # may be left out
    get "lock"
    del "old/" --prefix

One line for each comparison or operation: put KEY VALUE, get KEY, del KEY. A comparison, a get or a del takes
--prefix (all keys that begin with KEY) or --range-end END (all keys from KEY, below END). Words need quotes only
when they hold blanks or any of "(),=<>!#; in quotes, \\n \\r \\t \\" \\\\ and \\xHH (one byte) are known.
Text that begins with { is read as JSON instead: etcd's TxnRequest, with bytes in base64 and 64-bit numbers as strings.`;

/** What is wrong with a transaction's text; `line` counts from 1. */
export class TxnSyntaxError extends Error {
  override readonly name = 'TxnSyntaxError';
  readonly code = 'TXN_SYNTAX';
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Throws `TxnSyntaxError`. */
export function parseTxn(text: string): TxnRequest {
  const compare: Compare[] = [];
  const success: RequestOp[] = [];
  const failure: RequestOp[] = [];
  const order = ['if', 'then', 'else'];
  let section: string | undefined;
  for (const [at, source] of text.split(/\r?\n/).entries()) {
    const line = new Line(at + 1, source);
    if (line.isEmpty) continue;
    const keyword = line.keyword();
    if (keyword !== undefined) {
      if (order.indexOf(keyword) <= order.indexOf(section ?? '')) {
        line.fail(`"${keyword}" comes after "${section}": the order is if, then, else, each once`);
      }
      section = keyword;
    } else if (section === undefined) {
      line.fail('expected "if" or "then" on a line of its own first');
    } else if (section === 'if') {
      compare.push(parseCompare(line));
    } else {
      (section === 'then' ? success : failure).push(parseOperation(line));
    }
  }
  if (section === undefined) throw new TxnSyntaxError(1, 'the transaction is empty');
  return { compare, success, failure };
}

const relations: Readonly<Record<string, Compare_CompareResult>> = { '=': 0, '>': 1, '<': 2, '!=': 3 };

function parseCompare(line: Line): Compare {
  const target = line.word('version, create, mod, value or lease');
  line.sign('(');
  const key = line.bytes('a key');
  line.sign(')');
  const result = relations[line.signs()];
  if (result === undefined) return line.fail('expected = != > or < after the closing parenthesis');
  const operand = line.take() ?? line.fail('expected a number, or a text for value(), at the end');
  const range = line.range(key);
  line.end();
  const number = (): bigint => line.number(operand);
  const common = { result, ...range };
  switch (target) {
    case 'version':
      return { ...common, target: 0, targetUnion: { $case: 'version', value: number() } };
    case 'create':
      return { ...common, target: 1, targetUnion: { $case: 'createRevision', value: number() } };
    case 'mod':
      return { ...common, target: 2, targetUnion: { $case: 'modRevision', value: number() } };
    case 'value':
      return { ...common, target: 3, targetUnion: { $case: 'value', value: operand.bytes } };
    case 'lease':
      return { ...common, target: 4, targetUnion: { $case: 'lease', value: number() } };
    default:
      return line.fail(`"${target}" cannot be compared: there are version, create, mod, value and lease`);
  }
}

function parseOperation(line: Line): RequestOp {
  const operation = line.word('put, get or del');
  const key = line.bytes('a key');
  switch (operation) {
    case 'put': {
      const value = line.bytes('a value');
      line.end();
      return { request: { $case: 'requestPut', value: putRequest({ key, value }) } };
    }
    case 'get': {
      const range = line.range(key);
      line.end();
      return { request: { $case: 'requestRange', value: rangeRequest(range) } };
    }
    case 'del': {
      const range = line.range(key);
      line.end();
      return { request: { $case: 'requestDeleteRange', value: deleteRequest(range) } };
    }
    default:
      return line.fail(`"${operation}" is not an operation: there are put, get and del`);
  }
}

class Line {
  readonly #number: number;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(number: number, source: string) {
    this.#number = number;
    const tokens = tokenize(source);
    if (typeof tokens === 'string') throw new TxnSyntaxError(number, tokens);
    this.#tokens = tokens;
  }

  get isEmpty(): boolean {
    return this.#tokens.length === 0;
  }

  /** The section that this line opens. */
  keyword(): string | undefined {
    const [only, ...more] = this.#tokens;
    const isKeyword = only?.type === 'word' && /^(if|then|else)$/.test(only.text) && more.length === 0;
    return isKeyword ? only.text : undefined;
  }

  take(): Token | undefined {
    const token = this.#tokens[this.#at];
    if (token !== undefined) this.#at += 1;
    return token;
  }

  word(expected: string): string {
    const token = this.take();
    return token?.type === 'word' ? token.text : this.fail(`expected ${expected}`);
  }

  sign(text: string): void {
    const token = this.take();
    if (token?.type !== 'sign' || token.text !== text) this.fail(`expected ${text}`);
  }

  /** An operator as it was written; the tokenizer knows only those that exist. */
  signs(): string {
    let text = '';
    while (this.#tokens[this.#at]?.type === 'sign') text += this.take()?.text ?? '';
    if (text.length > 1 && relations[text] === undefined) {
      this.fail(`"${text}" is not an operator: there are = != > <`);
    }
    return text;
  }

  bytes(expected: string): Uint8Array {
    const token = this.take();
    if (token === undefined || token.type === 'sign') return this.fail(`expected ${expected}`);
    return token.bytes;
  }

  number(token: Token): bigint {
    return token.type === 'word' && /^\d{1,19}$/.test(token.text)
      ? BigInt(token.text)
      : this.fail(`expected a number, found ${token.text}`);
  }

  /** The flags that make a range of `key`. */
  range(key: Uint8Array): { readonly key: Uint8Array; readonly rangeEnd: Uint8Array } {
    const token = this.#tokens[this.#at];
    if (token?.type !== 'word') return { key, rangeEnd: emptyBytes };
    this.#at += 1;
    switch (token.text) {
      case '--prefix':
        return key.length === 0
          ? { key: withoutEnd, rangeEnd: withoutEnd }
          : { key, rangeEnd: prefixEnd(key) };
      case '--range-end':
        return { key, rangeEnd: this.bytes('the end of the range') };
      default:
        return this.fail(`unexpected ${token.text}: there are --prefix and --range-end END`);
    }
  }

  end(): void {
    const token = this.take();
    if (token !== undefined) this.fail(`unexpected ${token.text} at the end`);
  }

  fail(message: string): never {
    throw new TxnSyntaxError(this.#number, message);
  }
}
