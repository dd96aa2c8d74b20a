import { isAnnounced } from '../model/compile-problem.ts';
import { describeFindings, parseScenario } from '../model/parse-scenario.ts';
import type { Scenario } from '../model/scenario.ts';
import { failure, readJson, type Session } from './session.ts';

export async function readScenario(session: Session, path: string): Promise<Scenario> {
  const parsed = parseScenario(await readJson(session, path));
  if (parsed.type === 'valid') return parsed.scenario;
  throw failure(
    `${path} is not a valid scenario. Nothing was planned.\n${describeFindings(parsed.findings)}`,
  );
}

/** Who is not announced at the start is in no plan that is made then. */
export function remarkUnannounced(session: Session, { processes }: Scenario, what: string): void {
  const unknown = processes.filter((process) => !isAnnounced(process, 0)).length;
  if (unknown === 0) return;
  const stays = unknown === 1 ? '1 stay is' : `${unknown} stays are`;
  session.stderr.write(`${stays} not announced yet at the start, and left out. ${what}\n`);
}
