import type { Reader, Writer } from '../core/codec.ts';
import { clusterTime, epoch, index } from '../core/ids.ts';
import { type Base, readConfiguration, writeConfiguration } from '../protocol/index.ts';

/** A position with its configuration, as snapshots and back ends keep it. */
export function writeBase(writer: Writer, base: Base): void {
  writer.uint(base.position.index).uint(base.position.epoch).uint(base.position.time);
  writeConfiguration(writer, base.configuration);
}

export function readBase(reader: Reader): Base {
  const position = {
    index: index(reader.uint()),
    epoch: epoch(reader.uint()),
    time: clusterTime(reader.uint()),
  };
  return { position, configuration: readConfiguration(reader) };
}
