import { compareBytes, utf8, utf8Text } from '../core/bytes.ts';

/** Columns as wide as their widest cell, two spaces between. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = header.length === 0 ? rows : [header, ...rows];
  const widths: number[] = [];
  for (const cells of lines) {
    for (const [column, cell] of cells.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return lines.map((cells) => `${format(cells)}\n`).join('');
}

export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

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
  let shown = '';
  for (const byte of bytes) {
    shown += byte >= 0x20 && byte < 0x7f && byte !== 0x5c ? String.fromCharCode(byte) : escapeByte(byte);
  }
  return shown;
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

/** Ids as etcd's tools write them. */
export const hexId = (id: bigint): string => id.toString(16);
