export { decodeAnswer, encodeAnswer } from './answer-codec.ts';
export { decodeCommand, encodeCommand } from './command-codec.ts';
export { currentRevision, keySpace, raiseRevision } from './key-space.ts';
export { ReadSlices, range } from './read-slices.ts';
export * from './requests.ts';
export { isReadOnly, validate } from './validate.ts';
export { maxEscapedKeyBytes } from './versions.ts';
