import { assertNever } from '../../core/assert.ts';
import { Malformed } from '../../core/codec.ts';
import type { ReadStore, Store } from '../../core/store.ts';
import type { ApplyContext, Machine } from '../machine.ts';
import { applyAlarm } from './alarms.ts';
import { encodeAnswer } from './answer-codec.ts';
import { checkAnswerInOneGo } from './answer-size.ts';
import { type Authored, decodeAuthored } from './auth/authored.ts';
import { authorize } from './auth/authorize.ts';
import { applyAuthChange } from './auth/changes.ts';
import { requirementOf } from './auth/requirements.ts';
import { compact, sweep } from './compaction.ts';
import type { ControlCommand, ControlResult } from './control.ts';
import { isControl } from './control-codec.ts';
import { keySpaceDuties } from './duties.ts';
import { beginLeaseTerm, expire, grant, renew, revoke } from './lease-commands.ts';
import type { KeyAnswer, KeyError, KeyErrorCode, Operation } from './requests.ts';
import { RevisionWriter } from './revision-writer.ts';
import { type Present, readCurrentRevision, readPresent } from './revisions.ts';
import { type KeySpaceRules, keySpaceRules } from './rules.ts';
import { inOneGo } from './slices.ts';
import { check, execute, planTxn } from './transaction.ts';
import { needsSpace, validate } from './validate.ts';

/** The versioned key space: the first machine. A command is one revision, or none when it writes nothing. */
export const keySpace: Machine = keySpaceWith(keySpaceRules);

/** The key space with other rules than its own, for tests that have to notice. */
export function keySpaceWith(rules: KeySpaceRules): Machine {
  return {
    name: 'key-space',
    featureLevel: 1,
    duties: keySpaceDuties,
    apply(command, context, store) {
      const present = readPresent(store);
      const authored = decodeAuthored(command);
      if (authored instanceof Malformed) return encodeAnswer(refused(present, 'malformed'));
      const { request } = authored;
      const refusal = refusalOf(store, authored, present);
      if (refusal !== undefined) return encodeAnswer(refused(present, refusal));
      return encodeAnswer(
        isControl(request)
          ? applyControl(store, request, context, present, rules)
          : applyOperation(store, request, present),
      );
    },
  };
}

/** What stands against a command whatever is in the keys. */
function refusalOf(
  store: ReadStore,
  { request, author }: Authored,
  present: Present,
): KeyErrorCode | undefined {
  if (present.authEnabled) {
    const requirement = requirementOf(store, request, author);
    const identity = author.type === 'user' ? author.identity : undefined;
    const denied = requirement && authorize(store, identity, requirement);
    if (denied !== undefined) return denied;
  }
  if (present.corrupt && request.type !== 'alarm') return 'corrupt';
  const invalid = validate(request);
  if (invalid !== undefined) return invalid.code;
  return present.noSpace && needsSpace(request) ? 'noSpace' : undefined;
}

function applyOperation(store: Store, request: Operation, present: Present): KeyAnswer {
  const writer = new RevisionWriter(store, present);
  const step =
    request.type === 'txn' ? inOneGo(store, (turn) => planTxn(turn, request, writer.present)) : request;
  const error = check(store, step, writer.present) ?? checkAnswerInOneGo(store, step, writer.present);
  if (error !== undefined) return refused(present, error.code);
  const result = execute(writer, step);
  return { revision: BigInt(writer.finish()), result };
}

function applyControl(
  store: Store,
  request: ControlCommand,
  context: ApplyContext,
  present: Present,
  rules: KeySpaceRules,
): KeyAnswer {
  const result = controlResult(store, request, context, present, rules);
  return { revision: BigInt(readCurrentRevision(store)), result };
}

function controlResult(
  store: Store,
  request: ControlCommand,
  context: ApplyContext,
  present: Present,
  rules: KeySpaceRules,
): ControlResult | KeyError {
  switch (request.type) {
    case 'compact':
      return compact(store, request, present);
    case 'sweep':
      return sweep(store, rules);
    case 'grant':
      return grant(store, request, context);
    case 'revoke':
      return revoke(store, request);
    case 'renew':
      return renew(store, request, context);
    case 'leaseTerm':
      return beginLeaseTerm(store, context);
    case 'expire':
      return expire(store, request, context, rules);
    case 'alarm':
      return applyAlarm(store, request, present);
    case 'auth': {
      const code = applyAuthChange(store, request.change);
      return code === undefined ? { type: 'auth' } : { type: 'error', code };
    }
    default:
      return assertNever(request);
  }
}

function refused(present: Present, code: KeyErrorCode): KeyAnswer {
  return { revision: BigInt(present.revision), result: { type: 'error', code } };
}
