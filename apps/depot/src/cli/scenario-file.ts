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
