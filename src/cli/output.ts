import { compareBytes, utf8, utf8Text } from '../core/bytes.ts';

/** Columns as wide as their widest cell, two spaces between. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = header.length === 0 ? rows : [header, ...rows];
  const widths: number[] = [];
  for (const cells of lines) {
    for (const [column, cell] of cells.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
    }
  }
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - displayWidth(cell)))
      .join('  ')
      .trimEnd();
  return lines.map((cells) => `${format(cells)}\n`).join('');
}

const takesNoColumn = /^[\p{M}\u200b-\u200f]$/u;
/** East Asian letters in their wide form, and pictures. */
const takesTwoColumns =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

const columnsOf = (character: string): number =>
  takesNoColumn.test(character) ? 0 : takesTwoColumns.test(character) ? 2 : 1;

/** Columns of a terminal that a text takes, as far as that does not depend on its font. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

/** `text`, or as much of its beginning as fits into `width` columns together with an ellipsis. */
export function shortened(text: string, width: number): string {
  let kept = '';
  let taken = 0;
  for (const character of text) {
    taken += columnsOf(character);
    if (taken > width) return `${kept}…`;
    if (taken < width) kept += character;
  }
  return text;
}

export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** One of a stream of objects. */
export const jsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be escaped
const needsEscape = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\\]/g;

/** Bytes for people: UTF-8 as it is, with what would break a line or a terminal escaped; other bytes as \xHH. */
export function printable(bytes: Uint8Array): string {
  try {
    const text = utf8Text(bytes);
    // The decoder drops a byte order mark, so that text would not show all the bytes.
    if (compareBytes(utf8(text), bytes) === 0) return text.replace(needsEscape, escapeCharacter);
  } catch {
    // Not UTF-8: shown byte by byte.
  }
  return Array.from(bytes, (byte) =>
    byte < 0x7f ? String.fromCharCode(byte).replace(needsEscape, escapeCharacter) : escapeByte(byte),
  ).join('');
}

const escapeByte = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;

function escapeCharacter(character: string): string {
  switch (character) {
    case '\\':
      return '\\\\';
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    default:
      return [...utf8(character)].map(escapeByte).join('');
  }
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function byteSize(bytes: bigint): string {
  let rest = Number(bytes);
  let unit = 0;
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? rest : rest.toFixed(1)} ${units[unit]}`;
}

/** `1 seed`, `2 seeds`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Ids as etcd's tools write them. */
export const hexId = (id: bigint): string => id.toString(16);
