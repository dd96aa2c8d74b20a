import { frameKind } from '../replica/frames.ts';
import { frameBoundaries } from '../transport/framing.ts';
import type { WrittenPart } from './link.ts';

/** Finds the protocol's messages in what a replica wrote at once, which is whole frames. */
export function splitFrames(written: Uint8Array): WrittenPart[] {
  const boundaries = frameBoundaries(written);
  const first = boundaries[0];
  if (first?.end === written.length) return [{ message: first.kind === frameKind.protocol, bytes: written }];
  const parts: WrittenPart[] = [];
  let at = 0;
  for (const { kind, start, end } of boundaries) {
    parts.push({ message: kind === frameKind.protocol, bytes: written.subarray(start, end) });
    at = end;
  }
  if (at < written.length) parts.push({ message: false, bytes: written.subarray(at) });
  return parts;
}
