import { TxnRequest } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { TxnSyntaxError } from './syntax.ts';

/** Reads a TxnRequest as etcd's JSON gateway takes it; throws `TxnSyntaxError`. */
export function parseJsonTxn(text: string): TxnRequest {
  let request: TxnRequest;
  let given: unknown;
  try {
    given = JSON.parse(text);
    request = TxnRequest.fromJSON(given);
  } catch (error) {
    throw new TxnSyntaxError(1, `the JSON cannot be read: ${(error as Error).message}`);
  }
  const stray = strayPath(given, TxnRequest.toJSON(request), '');
  if (stray !== undefined) throw new TxnSyntaxError(1, `${stray} is not a part of a TxnRequest`);
  return request;
}

/** The generated reader skips what it does not know: a misspelt comparison must not become a write without one. */
function strayPath(given: unknown, understood: unknown, path: string): string | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  for (const [key, value] of Object.entries(given)) {
    const here = path === '' ? key : `${path}.${key}`;
    const isUnset = value === null || isZero(value);
    const counterpart: unknown =
      typeof understood === 'object' && understood !== null && Object.hasOwn(understood, key)
        ? Reflect.get(understood, key)
        : undefined;
    if (counterpart === undefined && !isUnset) return here;
    const deeper = strayPath(value, counterpart, here);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

/** Zero values are left out in JSON, and so are lost on the way there and back. */
const isZero = (value: unknown): boolean =>
  value === '' ||
  value === '0' ||
  value === 0 ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  ['EQUAL', 'VERSION', 'NONE', 'KEY'].includes(String(value));
