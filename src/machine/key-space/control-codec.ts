import { assertNever } from '../../core/assert.ts';
import { Malformed, type Reader, type Writer } from '../../core/codec.ts';
import { clusterTime, epoch } from '../../core/ids.ts';
import { maxRenewals } from '../../core/limits.ts';
import { readAuthChange, writeAuthChange } from './auth/codec.ts';
import {
  type Alarm,
  type AlarmRequest,
  alarmTypes,
  type ControlCommand,
  type ControlResult,
} from './control.ts';

/** Tags of commands follow those of operations in command-codec.ts; those of results those in answer-codec.ts. */
const commandTag = {
  compact: 5,
  sweep: 6,
  grant: 7,
  revoke: 8,
  renew: 9,
  leaseTerm: 10,
  expire: 11,
  alarm: 12,
  auth: 13,
} as const;
const resultTag = {
  compact: 6,
  sweep: 7,
  grant: 8,
  revoke: 9,
  renew: 10,
  leaseTerm: 11,
  expire: 12,
  alarm: 13,
  auth: 14,
} as const;
const alarmActions: readonly AlarmRequest['action'][] = ['activate', 'deactivate'];

export function isControl<T extends { readonly type: string }>(
  command: T,
): command is Extract<T, { readonly type: ControlCommand['type'] }> {
  return Object.hasOwn(commandTag, command.type);
}

export function writeControl(writer: Writer, command: ControlCommand): void {
  writer.u8(commandTag[command.type]);
  switch (command.type) {
    case 'compact':
    case 'revoke':
      writer.i64(command.type === 'compact' ? command.revision : command.lease);
      return;
    case 'sweep':
    case 'leaseTerm':
      return;
    case 'grant':
      writer.i64(command.lease).uint(command.ttl);
      return;
    case 'renew':
      writer.uint(command.leases.length);
      for (const lease of command.leases) writer.i64(lease);
      return;
    case 'expire':
      writer.uint(command.epoch).uint(command.until);
      return;
    case 'alarm':
      writeAlarm(writer.u8(alarmActions.indexOf(command.action)), command);
      return;
    case 'auth':
      writeAuthChange(writer, command.change);
      return;
    default:
      assertNever(command);
  }
}

/** The command that `found` is the tag of; undefined when that is not one of these. */
export function readControl(reader: Reader, found: number): ControlCommand | undefined {
  switch (found) {
    case commandTag.compact:
      return { type: 'compact', revision: reader.i64() };
    case commandTag.sweep:
      return { type: 'sweep' };
    case commandTag.grant:
      return { type: 'grant', lease: readLease(reader), ttl: positive(reader.uint()) };
    case commandTag.revoke:
      return { type: 'revoke', lease: reader.i64() };
    case commandTag.renew:
      return { type: 'renew', leases: readLeases(reader) };
    case commandTag.leaseTerm:
      return { type: 'leaseTerm' };
    case commandTag.expire:
      return { type: 'expire', epoch: epoch(reader.uint()), until: clusterTime(reader.uint()) };
    case commandTag.alarm: {
      const action = alarmActions[reader.u8()];
      if (action === undefined) throw new Malformed('unknown action on an alarm');
      return { type: 'alarm', action, ...readAlarm(reader) };
    }
    case commandTag.auth:
      return { type: 'auth', change: readAuthChange(reader) };
    default:
      return undefined;
  }
}

export function writeControlResult(writer: Writer, result: ControlResult): void {
  writer.u8(resultTag[result.type]);
  switch (result.type) {
    case 'auth':
    case 'compact':
    case 'leaseTerm':
      return;
    case 'sweep':
      writer.bool(result.done);
      return;
    case 'grant':
      writer.i64(result.lease).uint(result.ttl);
      return;
    case 'revoke':
      writer.uint(result.deleted);
      return;
    case 'renew':
      writer.uint(result.ttls.length);
      for (const ttl of result.ttls) writer.uint(ttl);
      return;
    case 'expire':
      writer.uint(result.expired);
      return;
    case 'alarm':
      writer.uint(result.alarms.length);
      for (const alarm of result.alarms) writeAlarm(writer, alarm);
      return;
    default:
      assertNever(result);
  }
}

/** The result that `found` is the tag of; undefined when that is not one of these. */
export function readControlResult(reader: Reader, found: number): ControlResult | undefined {
  switch (found) {
    case resultTag.compact:
      return { type: 'compact' };
    case resultTag.sweep:
      return { type: 'sweep', done: reader.bool() };
    case resultTag.grant:
      return { type: 'grant', lease: readLease(reader), ttl: reader.uint() };
    case resultTag.revoke:
      return { type: 'revoke', deleted: reader.uint() };
    case resultTag.renew: {
      const ttls: number[] = [];
      for (let left = reader.count(1); left > 0; left--) ttls.push(reader.uint());
      return { type: 'renew', ttls };
    }
    case resultTag.leaseTerm:
      return { type: 'leaseTerm' };
    case resultTag.expire:
      return { type: 'expire', expired: reader.uint() };
    case resultTag.alarm: {
      const alarms: Alarm[] = [];
      for (let left = reader.count(9); left > 0; left--) alarms.push(readAlarm(reader));
      return { type: 'alarm', alarms };
    }
    case resultTag.auth:
      return { type: 'auth' };
    default:
      return undefined;
  }
}

function writeAlarm(writer: Writer, { member, alarm }: Alarm): void {
  writer.u64(member).u8(alarmTypes.indexOf(alarm));
}

function readAlarm(reader: Reader): Alarm {
  const member = reader.u64();
  const alarm = alarmTypes[reader.u8()];
  if (alarm === undefined) throw new Malformed('unknown alarm');
  return { member, alarm };
}

function readLease(reader: Reader): bigint {
  const lease = reader.i64();
  if (lease === 0n) throw new Malformed('a lease that is none');
  return lease;
}

/** Clients may ask for the lease 0 too, which nobody has. */
function readLeases(reader: Reader): bigint[] {
  const count = reader.count(8);
  if (count > maxRenewals) throw new Malformed(`${count} leases to renew at once`);
  return Array.from({ length: count }, () => reader.i64());
}

function positive(value: number): number {
  if (value === 0) throw new Malformed('a lease that lives for no time');
  return value;
}
