import { utf8Text } from '../../core/bytes.ts';
import type { Effect } from '../../protocol/index.ts';
import type { Performance } from './act.ts';
import type { Shrunk } from './shrink.ts';

/** The shrunk schedule as a readable scenario: its commands, with what was broken. */
export function scenarioOf({ report, replicas, joiners, performance }: Shrunk): string | undefined {
  if (performance === undefined) return undefined;
  const { options, violation } = report;
  return [
    `# ${violation?.property}, in the world of seed ${options.seed}: ${performance.moments.length} events.`,
    `# ${performance.broken}`,
    '',
    `> cluster ${replicas}${joiners > 0 ? ` ${joiners}` : ''}`,
    ...Array.from({ length: replicas + joiners }, (_, at) => `> sync ${at + 1}`),
    '',
    ...performance.moments.flatMap(({ lines, label }) => [
      ...(lines[0] === label ? [] : [`# ${label}`]),
      ...lines.map((line) => `> ${line}`),
    ]),
    '',
  ].join('\n');
}

/** One JSON object a line: what happened, and what each replica did about it. */
export function traceOf({ moments }: Performance): string {
  return moments
    .map(({ event, label, effects }, at) =>
      JSON.stringify({ at: at + 1, ...event, label, effects: effects.map(described) }),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** What the pictures and the trace say of an effect. */
export function described({
  replica,
  effect,
}: {
  readonly replica: number;
  readonly effect: Effect;
}): string {
  return `${replica} ${describe(effect)}`;
}

function describe(effect: Effect): string {
  switch (effect.type) {
    case 'persist':
      return `writes ${effect.records.length} records`;
    case 'send':
      return `sends ${effect.message.type} to ${effect.to}${effect.after === undefined ? '' : ' when written'}`;
    case 'commit':
      return `applies ${effect.entries
        .map(({ index, epoch, kind, payload }) =>
          kind === 'command' ? `${index}@${epoch} ${utf8Text(payload)}` : `${index}@${epoch} (${kind})`,
        )
        .join(', ')}`;
    case 'status':
      return `is ${effect.role} in ${effect.epoch}`;
    default:
      return effect.type;
  }
}
