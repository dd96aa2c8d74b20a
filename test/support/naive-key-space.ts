import { Buffer } from 'node:buffer';
import type { ControlCommand } from '../../src/machine/key-space/control.ts';
import type { KeyRange } from '../../src/machine/key-space/key-range.ts';
import type {
  Compare,
  DeleteRequest,
  KeyAnswer,
  KeyError,
  KeyErrorCode,
  KeyResult,
  KeyValue,
  Operation,
  OperationResult,
  PutRequest,
  RangeRequest,
  RangeResult,
  TxnRequest,
} from '../../src/machine/key-space/requests.ts';

class Refused extends Error {
  readonly code: KeyErrorCode;

  constructor(code: KeyErrorCode) {
    super(code);
    this.code = code;
  }
}

/**
 * The key space as slow and plain as can be: every revision is a whole array of pairs. What the real one is compared
 * with.
 */
export class NaiveKeySpace {
  /** `#revisions[r]` holds the pairs at revision r, in the order of their keys. */
  #revisions: KeyValue[][] = [[], []];
  readonly #events: NaiveEvent[] = [];
  readonly #leases = new Map<bigint, NaiveLease>();
  #term = { epoch: 0, floor: 0 };
  compacted = 0;

  /** The present pairs. */
  get pairs(): readonly KeyValue[] {
    return this.#revisions[this.revision] as KeyValue[];
  }

  /** What happened from a revision on, in order. */
  eventsFrom(revision: number): NaiveEvent[] {
    return this.#events.filter((event) => event.revision >= revision);
  }

  /** What `key` was at a revision. */
  at(key: Uint8Array, revision: number): KeyValue | undefined {
    return this.#revisions[revision]?.find((pair) => order(pair.key, key) === 0);
  }

  /** Leases and when they end unless they are renewed. */
  deadlines(): Map<bigint, number> {
    return new Map([...this.#leases].map(([id, lease]) => [id, this.#deadline(lease)]));
  }

  /** Commands that are not about keys, by an entry of `epoch` at `time`. */
  control(command: ControlCommand, epoch: number, time: number): KeyResult | KeyError {
    switch (command.type) {
      case 'compact':
        if (command.revision <= this.compacted) return { type: 'error', code: 'compacted' };
        if (command.revision > this.revision) return { type: 'error', code: 'futureRevision' };
        this.compacted = Number(command.revision);
        return { type: 'compact' };
      case 'grant': {
        if (this.#leases.has(command.lease)) return { type: 'error', code: 'leaseExists' };
        const { lease, ttl } = command;
        this.#leases.set(lease, { ttl, renewedAt: time, filedAt: time + ttl * 1000 });
        return { type: 'grant', lease, ttl };
      }
      case 'revoke':
        if (!this.#leases.has(command.lease)) return { type: 'error', code: 'leaseNotFound' };
        return { type: 'revoke', deleted: this.#end(command.lease) };
      case 'renew': {
        const ttls = command.leases.map((id) => {
          const lease = this.#leases.get(id);
          if (lease !== undefined) this.#leases.set(id, { ...lease, renewedAt: time });
          return lease?.ttl ?? 0;
        });
        return { type: 'renew', ttls };
      }
      case 'leaseTerm':
        this.#term = { epoch, floor: time };
        return { type: 'leaseTerm' };
      case 'expire':
        if (command.epoch !== epoch || this.#term.epoch !== epoch) return { type: 'expire', expired: 0 };
        return { type: 'expire', expired: this.#expire(Math.min(time, command.until)) };
      default:
        throw new Error(`the naive key space knows no ${command.type}`);
    }
  }

  #deadline(lease: NaiveLease): number {
    return Math.max(lease.renewedAt, this.#term.floor) + lease.ttl * 1000;
  }

  /** Those that were filed first end first, and of these those with the lower numbers. */
  #expire(until: number): number {
    const unsigned = (id: bigint): bigint => BigInt.asUintN(64, id);
    const due = [...this.#leases]
      .filter(([, lease]) => lease.filedAt <= until)
      .sort(([a, one], [b, other]) => one.filedAt - other.filedAt || (unsigned(a) < unsigned(b) ? -1 : 1));
    let expired = 0;
    for (const [id, lease] of due) {
      const deadline = this.#deadline(lease);
      if (deadline > until) {
        this.#leases.set(id, { ...lease, filedAt: deadline });
      } else {
        this.#end(id);
        expired++;
      }
    }
    return expired;
  }

  #end(id: bigint): number {
    const attached = this.pairs.filter((pair) => pair.lease === id);
    this.#leases.delete(id);
    if (attached.length === 0) return 0;
    for (const [at, { key }] of attached.entries())
      this.#events.push({ type: 'delete', key, revision: this.revision + 1, order: at, pair: undefined });
    this.#revisions.push(this.pairs.filter((pair) => pair.lease !== id));
    return attached.length;
  }

  get revision(): number {
    return this.#revisions.length - 1;
  }

  apply(request: Operation): KeyAnswer {
    const before = this.revision;
    const next = [...(this.#revisions[before] as KeyValue[])];
    try {
      validateNaively(request);
      const branches = new Map<TxnRequest, boolean>();
      this.#decide(request, branches);
      this.#check(request, branches);
      const state: State = { pairs: next, revision: BigInt(before + 1), wrote: [] };
      const result = this.#execute(request, branches, state);
      if (state.wrote.length > 0) this.#revisions.push(state.pairs);
      for (const [at, { key, pair }] of state.wrote.entries()) {
        const type = pair === undefined ? 'delete' : 'put';
        this.#events.push({ type, key, revision: before + 1, order: at, pair });
      }
      return { revision: BigInt(this.revision), result };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { revision: BigInt(before), result: { type: 'error', code: error.code } };
    }
  }

  #decide(operation: Operation, branches: Map<TxnRequest, boolean>): void {
    if (operation.type !== 'txn') return;
    const present = this.#revisions[this.revision] as KeyValue[];
    const succeeded = operation.compare.every((compare) => holds(compare, present));
    branches.set(operation, succeeded);
    for (const inner of succeeded ? operation.success : operation.failure) this.#decide(inner, branches);
  }

  #check(operation: Operation, branches: Map<TxnRequest, boolean>): void {
    if (operation.type === 'put') {
      this.#checkLease(operation);
      this.#checkIgnored(operation);
    }
    if (operation.type === 'range' && operation.revision > 0n) this.#checkRevision(operation.revision);
    const inside = insideOf(operation, branches);
    for (const inner of inside) {
      if (inner.type !== 'put') continue;
      this.#checkIgnored(inner);
      this.#checkLease(inner);
    }
    for (const inner of inside)
      if (inner.type === 'range' && inner.revision !== 0n) this.#checkRevision(inner.revision);
  }

  #checkLease({ lease }: PutRequest): void {
    if (lease !== 0n && !this.#leases.has(lease)) throw new Refused('leaseNotFound');
  }

  #checkIgnored({ key, ignoreValue, ignoreLease }: PutRequest): void {
    const exists = this.pairs.some((pair) => order(pair.key, key) === 0);
    if ((ignoreValue || ignoreLease) && !exists) throw new Refused('keyNotFound');
  }

  #checkRevision(revision: bigint): void {
    if (revision > BigInt(this.revision)) throw new Refused('futureRevision');
    if (revision < this.compacted) throw new Refused('compacted');
  }

  #execute(operation: Operation, branches: Map<TxnRequest, boolean>, state: State): OperationResult {
    switch (operation.type) {
      case 'range': {
        const { revision } = operation;
        const pairs = revision > 0n ? (this.#revisions[Number(revision)] as KeyValue[]) : state.pairs;
        return rangeNaively(operation, pairs);
      }
      case 'put':
        return putNaively(operation, state);
      case 'delete':
        return deleteNaively(operation, state);
      case 'txn': {
        const succeeded = branches.get(operation) === true;
        const taken = succeeded ? operation.success : operation.failure;
        return {
          type: 'txn',
          succeeded,
          results: taken.map((inner) => this.#execute(inner, branches, state)),
        };
      }
    }
  }
}

/** Everything that a transaction does on its path, in order; nothing for other operations. */
function insideOf(operation: Operation, branches: Map<TxnRequest, boolean>): Operation[] {
  if (operation.type !== 'txn') return [];
  const branch = branches.get(operation) ? operation.success : operation.failure;
  return branch.flatMap((inner) => [inner, ...insideOf(inner, branches)]);
}

interface State {
  pairs: KeyValue[];
  readonly revision: bigint;
  readonly wrote: { readonly key: Uint8Array; readonly pair: KeyValue | undefined }[];
}

export interface NaiveEvent {
  readonly type: 'put' | 'delete';
  readonly key: Uint8Array;
  readonly revision: number;
  readonly order: number;
  /** What was put. */
  readonly pair: KeyValue | undefined;
}

interface NaiveLease {
  readonly ttl: number;
  readonly renewedAt: number;
  /** When the machine looks at it next. */
  readonly filedAt: number;
}

const order = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b);

const within = (range: KeyRange, key: Uint8Array): boolean =>
  order(key, range.from) >= 0 && (range.to === undefined || order(key, range.to) < 0);

function rangeNaively(request: RangeRequest, all: readonly KeyValue[]): RangeResult {
  const inRange = all.filter((pair) => within(request.range, pair.key));
  if (request.countOnly) return { type: 'range', pairs: [], more: false, count: inRange.length };
  let pairs = inRange;
  if (request.minModRevision !== 0n) pairs = pairs.filter((p) => p.modRevision >= request.minModRevision);
  if (request.maxModRevision !== 0n) pairs = pairs.filter((p) => p.modRevision <= request.maxModRevision);
  if (request.minCreateRevision !== 0n)
    pairs = pairs.filter((p) => p.createRevision >= request.minCreateRevision);
  if (request.maxCreateRevision !== 0n)
    pairs = pairs.filter((p) => p.createRevision <= request.maxCreateRevision);
  if (request.sort !== undefined) {
    const { target, descending } = request.sort;
    const ascending = (a: KeyValue, b: KeyValue): number => {
      if (target === 'key') return order(a.key, b.key);
      if (target === 'value') return order(a.value, b.value);
      const field = ({ version: 'version', create: 'createRevision', mod: 'modRevision' } as const)[target];
      return Number(a[field] - b[field]);
    };
    pairs = [...pairs].sort((a, b) => (descending ? ascending(b, a) : ascending(a, b)));
  }
  const more = request.limit > 0 && pairs.length > request.limit;
  if (more) pairs = pairs.slice(0, request.limit);
  if (request.keysOnly) pairs = pairs.map((pair) => ({ ...pair, value: new Uint8Array(0) }));
  return { type: 'range', pairs, more, count: inRange.length };
}

function putNaively(put: PutRequest, state: State): OperationResult {
  const old = state.pairs.find((pair) => order(pair.key, put.key) === 0);
  const pair: KeyValue = {
    key: put.key,
    value: put.ignoreValue && old ? old.value : put.value,
    createRevision: old ? old.createRevision : state.revision,
    modRevision: state.revision,
    version: old ? old.version + 1n : 1n,
    lease: put.ignoreLease && old ? old.lease : put.lease,
  };
  state.pairs = [...state.pairs.filter((other) => other !== old), pair].sort((a, b) => order(a.key, b.key));
  state.wrote.push({ key: put.key, pair });
  return { type: 'put', previous: put.previous ? old : undefined };
}

function deleteNaively(request: DeleteRequest, state: State): OperationResult {
  const gone = state.pairs.filter((pair) => within(request.range, pair.key));
  state.pairs = state.pairs.filter((pair) => !within(request.range, pair.key));
  for (const { key } of gone) state.wrote.push({ key, pair: undefined });
  return { type: 'delete', deleted: gone.length, previous: request.previous ? gone : [] };
}

function holds(compare: Compare, present: readonly KeyValue[]): boolean {
  const pairs = present.filter((pair) => within(compare.range, pair.key));
  const related = (difference: number): boolean => {
    if (compare.relation === 'equal') return difference === 0;
    if (compare.relation === 'notEqual') return difference !== 0;
    return compare.relation === 'less' ? difference < 0 : difference > 0;
  };
  if (compare.target === 'value') {
    const { operand } = compare;
    return pairs.length > 0 && pairs.every((pair) => related(order(pair.value, operand)));
  }
  const field = (
    { version: 'version', create: 'createRevision', mod: 'modRevision', lease: 'lease' } as const
  )[compare.target];
  const numbers = pairs.length === 0 ? [0n] : pairs.map((pair) => pair[field]);
  return numbers.every((number) => related(Number(number - compare.operand)));
}

function validateNaively(request: Operation): void {
  checkShape(request, 128);
  if (request.type !== 'txn') return;
  for (const path of pathsOf(request)) {
    const puts = path.filter((operation) => operation.type === 'put');
    const deletes = path.filter((operation) => operation.type === 'delete');
    for (const put of puts) {
      if (puts.some((other) => other !== put && order(other.key, put.key) === 0))
        throw new Refused('duplicateKey');
      if (deletes.some((other) => within(other.range, put.key))) throw new Refused('duplicateKey');
    }
  }
}

/** All lists of operations that a transaction could execute, whatever its comparisons say. */
function pathsOf(operation: Operation): Exclude<Operation, TxnRequest>[][] {
  if (operation.type !== 'txn') return [[{ ...operation }]];
  return [operation.success, operation.failure].flatMap((branch) => {
    let paths: Exclude<Operation, TxnRequest>[][] = [[]];
    for (const inner of branch) {
      const tails = pathsOf(inner);
      paths = paths.flatMap((path) => tails.map((tail) => [...path, ...tail]));
    }
    return paths;
  });
}

function checkShape(operation: Operation, room: number): void {
  if (operation.type === 'put') {
    if (operation.key.length === 0) throw new Refused('emptyKey');
    if (operation.ignoreValue && operation.value.length > 0) throw new Refused('valueProvided');
    if (operation.ignoreLease && operation.lease !== 0n) throw new Refused('leaseProvided');
  } else if (operation.type === 'txn') {
    const { compare, success, failure } = operation;
    const most = Math.max(compare.length, success.length, failure.length);
    if (most > room) throw new Refused('tooManyOperations');
    if (compare.some(({ range }) => range.from.length === 0)) throw new Refused('emptyKey');
    for (const inner of [...success, ...failure]) checkShape(inner, room - most);
  } else if (operation.range.from.length === 0) {
    throw new Refused('emptyKey');
  }
}
