import { assert, present } from '../core/assert.ts';
import type { ProtocolDefinition } from '../protocol/index.ts';
import { type Laboratory, laboratory } from '../protocols/laboratory.ts';
import { protocols } from '../protocols/registry.ts';
import { mutantsOf } from './mutants.ts';
import { drawOptions, type WorldOptions, type WorldOverrides } from './options.ts';
import { World, type WorldParts, type WorldReport } from './world.ts';

/** Runs the world of one seed from start to end. The same arguments give the same report, hash included, anywhere. */
export function simulate(
  seed: number,
  overrides: WorldOverrides = {},
  parts: Partial<WorldParts> = {},
): WorldReport {
  return simulateWorld(drawOptions(seed, overrides), parts);
}

/** The same, with the mistake of that name in it, if there is a name, and every event as a line to `print`. */
export function runSeed(
  seed: number,
  overrides: WorldOverrides,
  mutant: string | undefined,
  print?: (line: string) => void,
): WorldReport {
  const options = drawOptions(seed, overrides);
  const found = mutantsOf(options.protocol).find(({ name }) => name === mutant);
  assert(mutant === undefined || found !== undefined, `there is no mutant ${mutant}`);
  return simulateWorld(options, { ...found?.parts, ...(print === undefined ? {} : { print }) });
}

/** The same for options that were drawn, or chosen. */
export function simulateWorld(options: WorldOptions, parts: Partial<WorldParts> = {}): WorldReport {
  const { protocol } = options;
  const known = laboratoryOf(protocol);
  const definition = parts.definition ?? present(protocols.get(protocol), `no protocol ${protocol}`);
  const invariants = parts.invariants ?? known.createInvariants();
  const create = inWorld(options, (its) => definition.create(its));
  return new World(options, { ...parts, definition: { ...definition, create }, invariants }).run();
}

type Create = ProtocolDefinition['create'];

/** How `create` makes replicas in this world. */
export function inWorld({ protocol, maxAppendBytes, hints }: WorldOptions, create: Create): Create {
  const { withoutHints } = laboratoryOf(protocol);
  return (options) => {
    const made = create(maxAppendBytes === undefined ? options : { ...options, maxAppendBytes });
    return hints ? made : withoutHints(made);
  };
}

const laboratoryOf = (protocol: string): Laboratory =>
  present(laboratory.get(protocol), `no laboratory for ${protocol}`);
