import { assert, present } from '../core/assert.ts';
import { utf8, utf8Text } from '../core/bytes.ts';
import { commandId, type NodeId, nodeId, readId } from '../core/ids.ts';
import type { CommittedEntry, Effect, Message } from './contract.ts';
import type { Configuration } from './membership.ts';
import type { Reconfiguration } from './reconfiguration.ts';
import type { Actor, Observer, Rehearsal } from './rehearsal.ts';

/**
 * Scenarios are text: lines that begin with `>` are commands, `#` comments, and what follows a command is what happened.
 * Running one gives the text as it should be, so that a difference shows in a diff, and rewriting is writing it down.
 *
 * | command | meaning |
 * | --- | --- |
 * | `cluster N [SPARES]` | N replicas, numbered from 1, and empty ones beside them; first of all |
 * | `timeout R` | time passes at R until its next deadline |
 * | `wait R MS` | time passes at R, and nothing else happens |
 * | `advance MS` | time passes for all |
 * | `propose R TEXT…` | commands, in one step |
 * | `read R`, `transfer R [TO]`, `flush R` | inputs of the host |
 * | `change R add ID [promote]`, `change R start ID`, `change R promote ID`, `change R remove ID`, `change R update ID ADDRESS` | changes of membership |
 * | `change R exchange +ID… -ID…` | several at once |
 * | `sync R [N]` | the oldest N writes of R become durable; all without N |
 * | `deliver FROM TO [N]`, `repeat FROM TO [N]`, `drop FROM TO [N]` | the oldest message between two, or the Nth; `repeat` leaves it under way |
 * | `settle [R…]` | writes and messages among those complete, until nothing more happens |
 * | `crash R [N]`, `start R` | only the first N records of unsynced writes survive |
 * | `network` | what is under way |
 */
export type CreateRehearsal<M extends Message> = (
  replicas: number,
  observer: Observer<M>,
  spares: number,
) => Rehearsal<M>;

/** Runs the commands of `text` and returns it with what happens now. Throws on a command that is none. */
export function runScenario<M extends Message>(
  text: string,
  describe: (message: M) => string,
  create: CreateRehearsal<M>,
): string {
  const stage = new Stage(describe, create);
  const output: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('>')) {
      output.push(line, ...stage.perform(line.slice(1).trim()));
    } else if (line.startsWith('#') || (line === '' && output.at(-1) !== '')) output.push(line);
  }
  while (output.at(-1) === '') output.pop();
  return `${output.join('\n')}\n`;
}

class Stage<M extends Message> {
  readonly #describe: (message: M) => string;
  readonly #create: CreateRehearsal<M>;
  #rehearsal: Rehearsal<M> | undefined;
  #lines: string[] = [];
  #commands = 0;
  #reads = 0;

  constructor(describe: (message: M) => string, create: CreateRehearsal<M>) {
    this.#describe = describe;
    this.#create = create;
  }

  /** What happened, one line each. */
  perform(line: string): string[] {
    this.#lines = [];
    const [command = '', ...words] = line.split(/ +/);
    if (command === 'cluster') {
      this.#rehearsal = this.#create(number(words[0]), this.#observer(), number(words[1] ?? '0'));
    } else this.#act(present(this.#rehearsal, '`cluster N` comes first'), command, words);
    return this.#lines;
  }

  #act(rehearsal: Rehearsal<M>, command: string, words: readonly string[]): void {
    const id = nodeId(number(words[0] ?? '0'));
    switch (command) {
      case 'timeout':
        return rehearsal.timeout(id);
      case 'wait':
        return rehearsal.wait(id, number(words[1]));
      case 'advance':
        return rehearsal.advance(id);
      case 'propose':
        return rehearsal.step(
          id,
          ...words.slice(1).map((word) => ({
            type: 'command' as const,
            id: commandId(++this.#commands),
            payload: utf8(word),
          })),
        );
      case 'read':
        return rehearsal.step(id, { type: 'read', id: readId(++this.#reads) });
      case 'change':
        return rehearsal.step(id, {
          type: 'reconfigure',
          id: commandId(++this.#commands),
          change: changeOf(words.slice(1)),
        });
      case 'transfer': {
        const to = words[1] === undefined ? undefined : nodeId(number(words[1]));
        return rehearsal.step(id, { type: 'transfer', to });
      }
      case 'flush':
        return rehearsal.flush(id);
      case 'sync':
        return rehearsal.sync(id, words[1] === undefined ? undefined : number(words[1]));
      case 'deliver':
        return rehearsal.deliver(this.#find(rehearsal, words));
      case 'repeat':
        return rehearsal.deliver(this.#find(rehearsal, words), true);
      case 'drop':
        return rehearsal.drop(this.#find(rehearsal, words));
      case 'settle':
        return rehearsal.settle(words.length === 0 ? undefined : words.map((word) => nodeId(number(word))));
      case 'crash':
        return rehearsal.crash(id, words[1] === undefined ? 0 : number(words[1]));
      case 'start':
        return rehearsal.start(id);
      case 'network':
        this.#lines.push(...rehearsal.network.map((envelope) => `  ${rehearsal.describe(envelope)}`));
        return;
      default:
        assert(false, `there is no command ${command}`);
    }
  }

  #find(rehearsal: Rehearsal<M>, words: readonly string[]): number {
    const [from, to] = [number(words[0]), number(words[1])];
    const between = [...rehearsal.network.entries()].filter(
      ([, envelope]) => envelope.from === from && envelope.to === to,
    );
    const [at] = between[words[2] === undefined ? 0 : number(words[2]) - 1] ?? [];
    return present(at, `so much is under way from ${from} to ${to}`);
  }

  #observer(): Observer<M> {
    return {
      stepped: (actor, _, effects) => {
        for (const effect of effects) {
          const what = describeEffect(effect, this.#describe);
          if (what !== undefined) this.#lines.push(`  ${actor.id} ${what}`);
        }
      },
      crashed: (actor: Actor<M>) => {
        this.#lines.push(`  ${actor.id} finds ${actor.disk.records.length} records when it starts again`);
      },
    };
  }
}

function number(word: string | undefined): number {
  assert(word !== undefined && /^[0-9]+$/.test(word), `${word} is a number`);
  return Number(word);
}

function changeOf([type = '', ...words]: readonly string[]): Reconfiguration {
  const id = (): NodeId => nodeId(number(words[0]));
  const signed = (sign: string): NodeId[] =>
    words.filter((word) => word.startsWith(sign)).map((word) => nodeId(number(word.slice(1))));
  switch (type) {
    case 'add':
      return { type: 'addLearner', id: id(), address: `host${words[0]}:1`, promote: words[1] === 'promote' };
    case 'start':
      return { type: 'identify', id: id(), name: `n${words[0]}`, storageId: Uint8Array.of(id()) };
    case 'promote':
    case 'remove':
      return { type, id: id() };
    case 'update':
      return { type, id: id(), address: words[1] ?? '' };
    case 'exchange':
      return { type, promote: signed('+'), remove: signed('-') };
    default:
      assert(false, `there is no change ${type}`);
  }
}

/** Undefined for effects that scenarios do not speak of. */
function describeEffect<M extends Message>(
  effect: Effect<M>,
  describe: (message: M) => string,
): string | undefined {
  switch (effect.type) {
    case 'persist':
      return `writes ${effect.token}: ${effect.records.length} record${effect.records.length === 1 ? '' : 's'}`;
    case 'send': {
      const after = effect.after === undefined ? '' : ` (after write ${effect.after})`;
      return `-> ${effect.to} ${describe(effect.message)}${after}`;
    }
    case 'commit':
      return `applies ${effect.entries.map(describeEntry).join(' ')}`;
    case 'readable':
      return `may serve read ${effect.id} from ${effect.index} on`;
    case 'readFailed':
      return `fails read ${effect.id}: ${effect.reason}`;
    case 'refuse':
      return `refuses command ${effect.id}: ${effect.reason}`;
    case 'status': {
      const leader = effect.leader === undefined ? 'no leader' : `leader ${effect.leader}`;
      return `is ${effect.role} in ${effect.epoch}, ${leader}`;
    }
    case 'configuration':
      return effect.index === 0 ? undefined : `is in ${describeConfiguration(effect.configuration)}`;
    case 'sendSnapshot':
      return `sends a snapshot to ${effect.to}`;
    case 'install':
    case 'discard':
      return `${effect.type}s snapshot ${effect.snapshot}`;
    case 'compact':
      return `cuts its journal below ${effect.below}`;
    case 'trace':
      return `notes ${effect.event}: ${effect.detail}`;
    default:
      return undefined;
  }
}

function describeConfiguration({ voters, outgoing, learners, removed }: Configuration): string {
  const group = (name: string, ids: readonly NodeId[]): string =>
    ids.length === 0 ? '' : `, ${name} ${ids.join(' ')}`;
  const others = group('leaving', outgoing) + group('learning', learners) + group('removed', removed);
  return `the configuration of ${voters.join(' ')}${others}`;
}

function describeEntry(entry: CommittedEntry): string {
  const what = entry.kind === 'command' ? utf8Text(entry.payload) : `(${entry.kind})`;
  return `${entry.index}@${entry.epoch}=${what}`;
}
