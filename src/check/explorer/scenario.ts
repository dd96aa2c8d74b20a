import { InvariantViolation } from '../../core/assert.ts';
import { utf8 } from '../../core/bytes.ts';
import { commandId, type NodeId, nodeId, readId } from '../../core/ids.ts';
import type { Configuration, ExplorationModel, Message } from '../../protocol/index.ts';
import { type Observer, Rehearsal } from '../../protocol/rehearsal.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import { runScenario } from '../../protocol/scenario.ts';
import type { Action } from './actions.ts';
import type { Counterexample } from './explorer.ts';
import { commandText, isGivingUp, packetKey } from './replicas.ts';
import { describeScope, type Scope } from './scope.ts';

/**
 * A counterexample as a scenario: the commands that lead to it, each with what happens then. The format is that of
 * `runScenario`.
 */
export function counterexampleScenario(
  model: ExplorationModel,
  scope: Scope,
  { property, detail, actions }: Counterexample,
): string {
  const configuration = configurationOf(scope.replicas);
  const commands = new Script(model, configuration);
  const lines = actions.flatMap((action) => commands.write(action));
  const last = lines.pop() ?? '';
  const text = [
    `# ${property}: ${detail}.`,
    `# Found by exploring ${describeScope(scope)}.`,
    '',
    `> cluster ${scope.replicas}`,
    '',
    ...configuration.voters.flatMap((id) => [`> sync ${id}`, '']),
    ...lines.flatMap((line) => [`> ${line}`, '']),
  ].join('\n');
  const create = (_: number, observer: Observer<Message>): Rehearsal<Message> =>
    rehearse(model, configuration, observer);
  const told = runScenario(text, model.definition.describeMessage, create);
  return `${told}\n> ${last}\n# and now ${property} is broken\n`;
}

function rehearse(
  model: ExplorationModel,
  configuration: Configuration,
  observer?: Observer<Message>,
): Rehearsal<Message> {
  const { definition, timing } = model;
  const create = model.create.bind(model);
  const options = { definition, create, configuration, timing, seed: 'explorer' };
  return new Rehearsal(observer === undefined ? options : { ...options, observer });
}

/** Carries the actions out one by one, since only then it is known where in the network a message lies. */
class Script {
  readonly #model: ExplorationModel;
  readonly #rehearsal: Rehearsal<Message>;
  /** The protocol has given up. */
  #over = false;

  constructor(model: ExplorationModel, configuration: Configuration) {
    this.#model = model;
    this.#rehearsal = rehearse(model, configuration);
    for (const id of configuration.voters) this.#rehearsal.sync(id);
  }

  /** The lines for `action`. */
  write(action: Action): string[] {
    const lines = this.#writeEvent(action);
    if (action.settles !== true) return lines;
    const id = nodeId(action.replica);
    return [...lines, ...this.#does(`sync ${id} 1`, () => this.#rehearsal.sync(id, 1))];
  }

  #writeEvent(action: Action): string[] {
    const id = nodeId(action.replica);
    const rehearsal = this.#rehearsal;
    switch (action.type) {
      case 'timeout':
      case 'heartbeat':
        return this.#does(`timeout ${id}`, () => rehearsal.timeout(id));
      case 'sync':
        return this.#does(`sync ${id} 1`, () => rehearsal.sync(id, 1));
      case 'crash':
        return [
          ...this.#does(`crash ${id} ${action.number}`, () => rehearsal.crash(id, action.number)),
          ...this.#does(`start ${id}`, () => rehearsal.start(id)),
          ...this.#does(`sync ${id}`, () => rehearsal.sync(id)),
        ];
      case 'propose': {
        const payload = utf8(commandText);
        const command = { type: 'command' as const, id: commandId(action.number + 1), payload };
        return this.#does(`propose ${id} ${commandText}`, () => rehearsal.step(id, command));
      }
      case 'read': {
        const read = { type: 'read' as const, id: readId(action.number + 1) };
        return this.#does(`read ${id}`, () => rehearsal.step(id, read));
      }
      case 'deliver':
        return this.#onMessage('deliver', action, (at) => rehearsal.deliver(at));
      case 'repeat':
        return this.#onMessage('repeat', action, (at) => rehearsal.deliver(at, true));
      case 'lose':
        return this.#onMessage('drop', action, (at) => rehearsal.drop(at));
    }
  }

  #does(line: string, act: () => void): string[] {
    if (this.#over) return [];
    try {
      act();
    } catch (error) {
      this.#over = true;
      if (!isGivingUp(error)) throw error;
    }
    return [line];
  }

  #onMessage(command: string, action: Action, act: (position: number) => void): string[] {
    const { network } = this.#rehearsal;
    let between = 0;
    for (const [position, envelope] of network.entries()) {
      if (envelope.from !== action.from || envelope.to !== action.replica) continue;
      between++;
      if (envelope.type !== 'message' || this.#keyOf(envelope) !== action.key) continue;
      const place = between === 1 ? '' : ` ${between}`;
      return this.#does(`${command} ${action.from} ${action.replica}${place}`, () => act(position));
    }
    throw new InvariantViolation(`no message ${action.key} is under way`);
  }

  #keyOf({ from, to, message }: { from: NodeId; to: NodeId; message: Message }): string {
    return packetKey(this.#model, from, to, message, (id) => id);
  }
}
