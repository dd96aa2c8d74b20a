import type { ServiceError } from '@grpc/grpc-js';
import { type Names, textOf } from './names.ts';

/** An answer in symbols: equal texts mean equal answers. */
export type Plain = string | boolean | null | readonly Plain[] | { readonly [field: string]: Plain };

const revisionFields = new Set(['revision', 'createRevision', 'modRevision', 'compactRevision', 'rev']);
const leaseFields = new Set(['ID', 'lease']);

/** A decoded message; ids of the cluster and of its members are of no interest, only whether they are there. */
export function plain(value: unknown, names: Names, field = ''): Plain {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return numberText(value, names, field);
  if (typeof value !== 'object') return `${value}`;
  if (value instanceof Uint8Array) return textOf(value);
  if (Array.isArray(value)) return value.map((each) => plain(each, names));
  if (field === 'header') return plainHeader(value, names);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each, names, name)]));
}

function numberText(value: bigint, names: Names, field: string): string {
  if (revisionFields.has(field)) return names.revisionText(value);
  return leaseFields.has(field) ? names.leaseText(value) : `${value}`;
}

function plainHeader(header: object, names: Names): Plain {
  const { revision = 0n, ...others } = header as Record<string, bigint>;
  const from = Object.entries(others).filter(([, each]) => each !== 0n);
  return { revision: names.revisionText(revision), from: from.map(([name]) => name) };
}

export function plainFailure(error: unknown): Plain {
  const { code, details } = error as ServiceError;
  if (code === undefined) throw error;
  return { code: `${code}`, error: details };
}
