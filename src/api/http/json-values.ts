/** Cuts a text of several JSON values, with nothing or white space between them, into the texts of each. */
export function splitJson(text: string): string[] {
  const values: string[] = [];
  let depth = 0;
  let inString = false;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') depth++;
    else if ((character === '}' || character === ']') && --depth === 0) {
      values.push(text.slice(from, at + 1));
      from = at + 1;
    }
  }
  // What is left is no object; whoever parses it says what is wrong with it.
  const rest = text.slice(from);
  return rest.trim() === '' ? values : [...values, rest];
}
