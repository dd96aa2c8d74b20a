/** What may stand before a regular expression, but not before a division. */
const beforeExpression =
  /(?:^|[([{,;=:!&|?+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|delete|throw|new|else|do))\s*$/;

/**
 * The program text with comments and the content of strings replaced by blanks, so that words in prose are not taken
 * for code. Every position stays where it is; code inside templates stays too.
 */
export function codeText(source: string): string {
  const scanner = new Scanner(source);
  scanner.code(false);
  return scanner.result;
}

class Scanner {
  result = '';
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Up to the end, or to the brace that closes a template's hole. */
  code(inTemplate: boolean): void {
    let depth = 0;
    while (this.#at < this.#source.length) {
      const two = this.#source.slice(this.#at, this.#at + 2);
      const character = two[0] ?? '';
      if (two === '//') this.#blank(/[^\n]*/y);
      else if (two === '/*') this.#blank(/\/\*[\s\S]*?(?:\*\/|$)/y);
      else if (character === "'" || character === '"') this.#string(character);
      else if (character === '`') this.#template();
      else if (character === '/' && beforeExpression.test(this.result.slice(-40))) this.#regularExpression();
      else {
        if (character === '{') depth += 1;
        if (character === '}') {
          if (inTemplate && depth === 0) return;
          depth -= 1;
        }
        this.#keep(1);
      }
    }
  }

  #string(quote: string): void {
    this.#keep(1);
    const content = quote === "'" ? /(?:[^'\\\n]|\\[\s\S])*/y : /(?:[^"\\\n]|\\[\s\S])*/y;
    this.#blank(content);
    this.#keep(1);
  }

  #template(): void {
    this.#keep(1);
    while (this.#at < this.#source.length) {
      this.#blank(/(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y);
      if (this.#source.startsWith('${', this.#at)) {
        this.#keep(2);
        this.code(true);
        this.#keep(1);
      } else {
        this.#keep(1);
        return;
      }
    }
  }

  #regularExpression(): void {
    const length = this.#match(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\//y);
    if (length === 0) {
      this.#keep(1);
      return;
    }
    this.#keep(1);
    this.#blank(new RegExp(`[\\s\\S]{${length - 2}}`, 'y'));
    this.#keep(1);
  }

  #match(pattern: RegExp): number {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source)?.[0].length ?? 0;
  }

  #keep(length: number): void {
    this.result += this.#source.slice(this.#at, this.#at + length);
    this.#at += length;
  }

  #blank(pattern: RegExp): void {
    const length = this.#match(pattern);
    this.result += this.#source.slice(this.#at, this.#at + length).replace(/[^\n]/g, ' ');
    this.#at += length;
  }
}
