/** The rows of a CSV text with their line numbers; empty lines are skipped. */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/** The separator is the one of `;`, tab and `,` that the first line has; cells may be in double quotes (RFC 4180). */
export function parseCsv(text: string): { separator: string; rows: CsvRow[] } {
  const content = text.replace(/^\uFEFF/, '');
  const first = content.slice(0, content.search(/\r?\n|$/));
  const separator = [';', '\t', ','].find((character) => first.includes(character)) ?? ',';
  const rows: CsvRow[] = [];
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  let line = 1;
  let rowLine = 1;
  const endRow = (): void => {
    cells.push(cell.trim());
    if (cells.some((each) => each !== '')) rows.push({ line: rowLine, cells });
    cells = [];
    cell = '';
    rowLine = line + 1;
  };
  for (let at = 0; at < content.length; at++) {
    const character = content[at] ?? '';
    if (quoted) {
      if (character !== '"') cell += character;
      else if (content[at + 1] === '"') cell += content[at++];
      else quoted = false;
    } else if (character === '"' && cell.trim() === '') {
      cell = '';
      quoted = true;
    } else if (character === separator) {
      cells.push(cell.trim());
      cell = '';
    } else if (character === '\n') endRow();
    else cell += character;
    if (character === '\n') line += 1;
  }
  endRow();
  return { separator, rows };
}
