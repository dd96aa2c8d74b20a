import type { MessageFns } from './gen/etcdserverpb/rpc.ts';

/** Why JSON is not the message that it should be; the message names the field. */
export class JsonMismatch extends Error {
  override readonly name = 'JsonMismatch';
  readonly code = 'JSON_MISMATCH';
}

/** The name that a field has in JSON; the one of the definition is taken too, as by every reader of protobuf's JSON. */
const jsonName = (field: string): string =>
  field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The fields of the key space that hold bytes; in JSON they are base64. */
export const keyFields: ReadonlySet<string> = new Set(['key', 'value', 'range_end']);

/**
 * Reads a message: bytes, in the fields of `bytesFields` whatever they are part of, in base64, 64-bit numbers as strings.
 *
 * The generated reader skips fields that it does not know, and takes for base64 whatever it is given. A misspelt field must
 * not be lost: a write would happen without its comparison, or without its lease. Throws `JsonMismatch`.
 */
export function messageFromJson<T>(
  codec: Pick<MessageFns<T>, 'fromJSON'>,
  json: unknown,
  bytesFields = keyFields,
): T {
  if (!isObject(json) || Array.isArray(json)) throw new JsonMismatch('the request must be a JSON object');
  requireBase64(json, bytesFields, '');
  const watched = new WatchedFields();
  let message: T;
  try {
    message = codec.fromJSON(watched.watch(json, ''));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new JsonMismatch(`a field of the request has the wrong form: ${reason}`);
  }
  const stray = watched.unread();
  if (stray !== undefined) throw new JsonMismatch(`${stray} is not a field of the request`);
  return message;
}

/** Tells which fields the generated reader asks for: those are the ones that it knows. */
class WatchedFields {
  readonly #objects: { readonly path: string; readonly object: object; readonly read: Set<PropertyKey> }[] =
    [];

  watch(object: object, path: string): object {
    const read = new Set<PropertyKey>();
    this.#objects.push({ path, object, read });
    const seen = new Map<PropertyKey, unknown>();
    return new Proxy(object, {
      get: (target, field) => {
        const name = spelling(target, field);
        read.add(name);
        const value: unknown = Reflect.get(target, name);
        if (!isObject(value)) return value;
        if (!seen.has(name)) seen.set(name, this.watch(value, join(path, name)));
        return seen.get(name);
      },
    });
  }

  /** A field that is there and was never asked for; one that is null counts as left out. */
  unread(): string | undefined {
    for (const { path, object, read } of this.#objects) {
      const stray = Object.entries(object).find(([name, value]) => value !== null && !read.has(name));
      if (stray !== undefined) return join(path, stray[0]);
    }
    return undefined;
  }
}

/** The name under which the object holds the field. */
function spelling(object: object, field: PropertyKey): PropertyKey {
  if (typeof field !== 'string' || Object.hasOwn(object, field)) return field;
  const name = jsonName(field);
  return Object.hasOwn(object, name) ? name : field;
}

const base64 = /^(?:[A-Za-z0-9+/]*={0,2}|[A-Za-z0-9_-]*={0,2})$/;

function requireBase64(json: object, bytesFields: ReadonlySet<string>, path: string): void {
  const names = new Set([...bytesFields].flatMap((field) => [field, jsonName(field)]));
  for (const [name, value] of Object.entries(json)) {
    if (isObject(value)) requireBase64(value, bytesFields, join(path, name));
    // One that is null counts as left out.
    else if (names.has(name) && value !== null && !(typeof value === 'string' && isBase64(value)))
      throw new JsonMismatch(`${join(path, name)} is not base64`);
  }
}

/** In either alphabet; the padding may be left out. */
const isBase64 = (text: string): boolean => base64.test(text) && text.replace(/=+$/, '').length % 4 !== 1;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const join = (path: string, name: PropertyKey): string =>
  path === '' ? String(name) : `${path}.${String(name)}`;
