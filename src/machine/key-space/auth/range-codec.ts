import type { Reader, Writer } from '../../../core/codec.ts';
import type { KeyRange } from '../key-range.ts';

export function writeRange(writer: Writer, range: KeyRange): void {
  writer.bytes(range.from).bool(range.to === undefined);
  if (range.to !== undefined) writer.bytes(range.to);
}

export function readRange(reader: Reader): KeyRange {
  const from = reader.bytes();
  return reader.bool() ? { from, to: undefined } : { from, to: reader.bytes() };
}
