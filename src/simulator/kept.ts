import type { Store } from '../core/store.ts';
import { machineView } from '../machine/index.ts';
import type { Chronicle } from './chronicle.ts';
import { readKey, textOf } from './key-value-calls.ts';
import type { Report } from './violation.ts';
import type { AcknowledgedWrite } from './workload.ts';

/** Every write that a client was told is done is in the chronicle, at the revision that the client was told. */
export function checkAcknowledged(
  acknowledged: readonly AcknowledgedWrite[],
  chronicle: Chronicle,
  report: Report,
): void {
  for (const { key, value, revision } of acknowledged) {
    const events = chronicle.eventsOf(revision);
    if (events.some((event) => event.key === key && event.value === value)) continue;
    const detail = `${key} = ${value} was acknowledged at ${revision}, where there is ${JSON.stringify(events)}`;
    return report({ type: 'wrong', property: 'acknowledged writes are kept', detail });
  }
}

/** The replica at `name` holds what is in the chronicle: its events, and what the last write of each key left. */
export function checkHeld(name: string, store: Store, chronicle: Chronicle, report: Report): void {
  chronicle.compare(name, machineView(store));
  for (const key of new Set(chronicle.events.map((event) => event.key))) {
    const { pair } = readKey(store, key);
    if (textOf(pair) === chronicle.present.get(key)) continue;
    const detail = `${name} holds ${key} = ${textOf(pair)}, and not ${chronicle.present.get(key)}`;
    return report({ type: 'wrong', property: 'acknowledged writes are kept', detail });
  }
}
