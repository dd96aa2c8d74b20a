import type { Plain } from './answers.ts';
import { differences, type Mismatch } from './differences.ts';
import { type Program, stepText } from './program.ts';
import type { Transcript } from './subject.ts';

export interface Comparison {
  /** What nothing explains, the first one first. */
  readonly unexplained: readonly Mismatch[];
  /** Names of the listed differences that were met. */
  readonly met: readonly string[];
}

/** Holds two runs of one program against each other, up to where a listed difference has parted them. */
export function compared(program: Program, theirs: Transcript, ours: Transcript): Comparison {
  const unexplained: Mismatch[] = [];
  const met: string[] = [];
  for (const mismatch of mismatches(program, theirs, ours)) {
    const difference = differences.find(({ explains }) => explains(mismatch));
    if (difference === undefined) {
      unexplained.push(mismatch);
      continue;
    }
    met.push(difference.name);
    if (difference.parts) break;
  }
  return { unexplained, met };
}

function* mismatches(program: Program, theirs: Transcript, ours: Transcript): Generator<Mismatch> {
  for (const [at, step] of program.entries())
    yield* unequal({ step, part: 'answer', program }, theirs.answers[at], ours.answers[at]);
  for (const [at, stream] of theirs.streams.entries())
    for (const part of ['failure', 'watches', 'progress', 'unasked', 'endings'] as const)
      yield* unequal({ step: undefined, part, program }, stream[part], ours.streams[at]?.[part]);
}

function* unequal(
  where: Pick<Mismatch, 'step' | 'part' | 'program'>,
  theirs: Plain | undefined,
  ours: Plain | undefined,
): Generator<Mismatch> {
  const [a, b] = [JSON.stringify(theirs), JSON.stringify(ours)];
  if (a !== b) yield { ...where, theirs: theirs ?? null, ours: ours ?? null };
}

/** What a person needs to see of a difference. */
export function report({ step, part, program, theirs, ours }: Mismatch): string {
  return [
    ...program.map((each) => `  ${each === step ? '>' : ' '} ${stepText(each)}`),
    `${step === undefined ? `${part} of a stream` : 'the answer'} is different:`,
    `  etcd     ${JSON.stringify(theirs)}`,
    `  Quorate  ${JSON.stringify(ours)}`,
  ].join('\n');
}
