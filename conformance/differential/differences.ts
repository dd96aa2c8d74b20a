import type { Plain } from './answers.ts';
import type { Comparison, Operation, Program, Step, WatchStep } from './program.ts';

/** Something that the two servers said differently. */
export interface Mismatch {
  /** The step that was answered; undefined for what was said on a stream of watches. */
  readonly step: Step | undefined;
  readonly part: 'answer' | 'watches' | 'progress' | 'unasked' | 'endings' | 'failure';
  readonly program: Program;
  readonly theirs: Plain;
  readonly ours: Plain;
}

/** A difference that is meant to be. */
export interface Difference {
  readonly name: string;
  /** Later versions of etcd do as we do. Where this is false, they have not been measured. */
  readonly settledLater: boolean;
  readonly etcd: string;
  readonly quorate: string;
  readonly reason: string;
  /** True when the stores need not be the same afterwards, so that the rest of a program says nothing. */
  readonly parts: boolean;
  readonly explains: (mismatch: Mismatch) => boolean;
}

export const differences: readonly Difference[] = [
  {
    name: 'the code of errors in locks and elections',
    settledLater: false,
    etcd: 'The server calls itself through its client library, whose errors reach the caller as `Unknown` (2), with the text alone.',
    quorate:
      'The same text, with the code that the error has everywhere: `NotFound` for a lease that is gone.',
    reason:
      'Clients know errors by their text; the code is for people and for middleware, and should say what happened.',
    parts: false,
    explains: ({ step, theirs, ours }) =>
      (step?.type === 'lock' || step?.type === 'campaign') &&
      field(theirs, 'code') === '2' &&
      errorOf(theirs) !== undefined &&
      errorOf(theirs) === errorOf(ours),
  },
  {
    name: 'the revision in the header of a campaign',
    settledLater: false,
    etcd: 'That at which the candidate took its place in the line, however long ago, and before it changed its value.',
    quorate: 'That at which the candidate was seen to lead.',
    reason: 'What is read from there on is what happens under the new leader.',
    parts: false,
    explains: ({ step, theirs, ours }) => {
      const leader = field(theirs, 'leader');
      return (
        step?.type === 'campaign' &&
        leader !== undefined &&
        JSON.stringify(leader) === JSON.stringify(field(ours, 'leader'))
      );
    },
  },
  {
    name: 'sort options that no definition names',
    settledLater: true,
    etcd: 'An order is passed over; of a target, the server dies, and again whenever it is started. 3.5 refuses both, as we do.',
    quorate: '`etcdserver: invalid sort option`',
    reason: 'A request that is not understood should not be carried out.',
    parts: true,
    explains: ({ step, ours }) =>
      errorOf(ours) === 'etcdserver: invalid sort option' &&
      operationsIn(step).some((each) => each.type === 'range' && each.sortOrder > 2),
  },
  {
    name: 'a limit, and a sort target without an order',
    settledLater: false,
    etcd: 'Takes one pair more than the limit in the order of the keys, and sorts those.',
    quorate: 'Sorts all, and then takes as many as the limit says, as with an order.',
    reason:
      'The limit counts after sorting, which is what the definition says and what etcd does where an order is given.',
    parts: false,
    explains: ({ step, theirs, ours }) =>
      errorOf(theirs) === undefined &&
      errorOf(ours) === undefined &&
      operationsIn(step).some(
        (each) => each.type === 'range' && each.limit > 0 && each.sortTarget > 0 && each.sortOrder === 0,
      ),
  },
  {
    name: 'comparisons that no definition names',
    settledLater: false,
    etcd: 'A relation that is not known holds always; with a target that is not known, everything is equal.',
    quorate: '`InvalidArgument`, "etcdserver: unknown comparison in txn request"',
    reason: 'A guard that is not understood must not let writes through.',
    parts: true,
    explains: ({ step, ours }) =>
      errorOf(ours) === 'etcdserver: unknown comparison in txn request' &&
      comparisonsIn(step).some(({ target, relation }) => target > 4 || relation > 3),
  },
  {
    name: 'a put and a delete of all keys from one on, in one transaction',
    settledLater: false,
    etcd: 'A range without an end is taken for an empty one when overlaps are looked for, so that a key can be deleted and put in one revision.',
    quorate: '`etcdserver: duplicate key given in txn request`, as for every other range.',
    reason:
      'A revision changes a key once here, in the store and in what watchers are told; etcd means the same and overlooks this case.',
    parts: true,
    explains: ({ step, theirs, ours }) =>
      errorOf(ours) === 'etcdserver: duplicate key given in txn request' &&
      errorOf(theirs) !== errorOf(ours) &&
      operationsIn(step).some((each) => each.type === 'delete' && each.end === '\0'),
  },
  {
    name: 'which of several mistakes is told',
    settledLater: false,
    etcd: 'The first in the order of the operations.',
    quorate: 'An operation that asks for nothing, `etcdserver: key not found`, before the others.',
    reason: 'Both refuse the whole transaction, with the same code.',
    parts: false,
    explains: ({ step, theirs, ours }) =>
      errorOf(ours) === 'etcdserver: key not found' &&
      field(theirs, 'code') === field(ours, 'code') &&
      isTxnWithEmpty(step),
  },
  {
    name: 'a watch from a negative revision',
    settledLater: true,
    etcd: 'Is created, and cancelled as compacted a moment later. 3.5 says both at once, as we do.',
    quorate: 'Created and cancelled in one answer, with the id -1.',
    reason: 'As in 3.5.',
    parts: true,
    explains: ({ step, ours }) =>
      step?.type === 'watch' && step.start < 0 && field(ours, 'cancelReason') === compacted,
  },
  {
    name: 'progress where nothing can be promised',
    settledLater: true,
    etcd: 'Is told at once, whatever there is to watch. Later ones say nothing while a watch has not been told everything or has not begun.',
    quorate:
      'Nothing is said of no watches, and nothing while a watch begins at a revision that is still to come.',
    reason:
      'Progress is a promise that nothing earlier will come: before its first revision a watch is told nothing (etcd 20221).',
    parts: false,
    explains: ({ part }) => part === 'unasked',
  },
  {
    name: 'cancelling a watch that compaction has ended',
    settledLater: false,
    etcd: 'Is answered by another end of the watch.',
    quorate: 'Is passed over, like every id that is not in use.',
    reason: 'A watch ends once.',
    parts: false,
    explains: ({ part, ours }) => part === 'endings' && Array.isArray(ours) && ours.length === 0,
  },
  {
    name: 'the id of a watch that compaction has ended',
    settledLater: false,
    etcd: 'Stays in use on its stream until the client cancels it too, and the server passes over it.',
    quorate: 'Is free again when the client has been told of the end.',
    reason: 'A watch ends once.',
    parts: true,
    explains: ({ step, program, theirs, ours }) =>
      step?.type === 'watch' &&
      field(ours, 'canceled') === false &&
      (step.watchId === 0
        ? field(theirs, 'canceled') === false && program.some((each) => couldHaveEnded(each, step))
        : field(theirs, 'cancelReason') === 'mvcc: duplicate watch ID provided on the WatchStream'),
  },
];

const compacted = 'etcdserver: mvcc: required revision has been compacted';

function field(plain: Plain, name: string): Plain | undefined {
  if (plain === null || typeof plain !== 'object' || Array.isArray(plain)) return undefined;
  return (plain as { readonly [field: string]: Plain })[name];
}

/** The text of a failure. */
function errorOf(plain: Plain): string | undefined {
  const error = field(plain, 'error');
  return typeof error === 'string' && field(plain, 'code') !== undefined ? error : undefined;
}

/** A step's operations, with all that are inside of others. */
function operationsIn(step: Step | Operation | undefined): Operation[] {
  switch (step?.type) {
    case 'range':
    case 'put':
    case 'delete':
    case 'empty':
      return [step];
    case 'txn':
      return [step, ...[...step.success, ...step.failure].flatMap(operationsIn)];
    default:
      return [];
  }
}

/** A watch from the past, with an id that the client chose, before this one on its stream. */
const couldHaveEnded = (earlier: Step, watch: WatchStep): boolean =>
  earlier.type === 'watch' && earlier.stream === watch.stream && earlier.watchId > 0 && earlier.start > 0;

function isTxnWithEmpty(step: Step | undefined): boolean {
  return operationsIn(step).some(({ type }) => type === 'empty');
}

const comparisonsIn = (step: Step | undefined): Comparison[] =>
  operationsIn(step).flatMap((each) => (each.type === 'txn' ? each.compare : []));
