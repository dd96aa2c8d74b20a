export interface Column {
  readonly header: string;
  readonly align: 'left' | 'right';
}

export const left = (header: string): Column => ({ header, align: 'left' });
export const right = (header: string): Column => ({ header, align: 'right' });

/** Columns as wide as their widest cell, two spaces between. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map(({ header }) => header), ...rows];
  const widths = columns.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines
    .map((cells) =>
      columns
        .map(({ align }, column) => {
          const cell = cells[column] ?? '';
          const width = widths[column] ?? 0;
          return align === 'left' ? cell.padEnd(width) : cell.padStart(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}
