import { concatBytes, utf8 } from '../../core/bytes.ts';

/** A word stands for itself; a quoted text is never a keyword, a flag or an operator. */
export interface Token {
  readonly type: 'word' | 'quoted' | 'sign';
  readonly text: string;
  /** What a key or value made of this token holds. */
  readonly bytes: Uint8Array;
}

const signs = ['!=', '=', '>', '<', '(', ')', ','] as const;
const simpleEscapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** Cuts a line into tokens, up to a comment; a string says what is wrong. */
export function tokenize(line: string): Token[] | string {
  const tokens: Token[] = [];
  let rest = line.trimStart();
  while (rest !== '' && !rest.startsWith('#')) {
    const taken = rest.startsWith('"') ? takeQuoted(rest) : takePlain(rest);
    if (typeof taken === 'string') return taken;
    tokens.push(taken.token);
    rest = rest.slice(taken.length).trimStart();
  }
  return tokens;
}

interface Taken {
  readonly token: Token;
  readonly length: number;
}

function takePlain(text: string): Taken {
  const sign = signs.find((each) => text.startsWith(each));
  if (sign !== undefined)
    return { token: { type: 'sign', text: sign, bytes: utf8(sign) }, length: sign.length };
  const word = /^[^\s"(),=<>!]+|^!/.exec(text)?.[0] ?? text.slice(0, 1);
  return { token: { type: 'word', text: word, bytes: utf8(word) }, length: word.length };
}

function takeQuoted(text: string): Taken | string {
  const parts: Uint8Array[] = [];
  let at = 1;
  while (at < text.length) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character === '"') {
      const token: Token = { type: 'quoted', text: text.slice(0, at + 1), bytes: concatBytes(parts) };
      return { token, length: at + 1 };
    }
    if (character !== '\\') {
      parts.push(utf8(character));
      at += character.length;
      continue;
    }
    const escaped = /^\\(?:x([0-9a-fA-F]{2})|([nrt"\\]))/.exec(text.slice(at));
    if (escaped === null)
      return `${text.slice(at, at + 2)} is not an escape: there are \\n \\r \\t \\" \\\\ and \\xHH`;
    const [whole, byte, simple] = escaped;
    parts.push(
      byte === undefined ? utf8(simpleEscapes[simple ?? ''] ?? '') : Uint8Array.of(Number.parseInt(byte, 16)),
    );
    at += whole.length;
  }
  return 'a quoted text has no closing "';
}
