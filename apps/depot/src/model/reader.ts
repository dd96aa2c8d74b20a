/** Something wrong in what was read, and where: a path such as `processes[3].needs.maximumChargeKw`. */
export interface Finding {
  readonly path: string;
  readonly message: string;
}

export interface NumberRule {
  readonly min?: number;
  readonly max?: number;
  /** Excludes `min` itself. */
  readonly aboveMin?: boolean;
  readonly integer?: boolean;
}

/** What would break or forge the lines of tables and logs: controls, ends of lines, changes of direction, half characters. */
const invisible = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u;
const invisibles = new RegExp(invisible.source, 'gu');

/**
 * Reads unknown data and collects everything that is wrong with it, instead of stopping at the first mistake. What cannot
 * be read yields a harmless value of the right type; the findings tell that it must not be used.
 */
export class Reader {
  readonly findings: Finding[] = [];

  fail(path: string, message: string): void {
    this.findings.push({ path, message });
  }

  /** The object at `path`; keys that are not in `keys` are findings, since they are mostly misspelt. */
  record(value: unknown, path: string, keys: readonly string[]): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fail(path, `must be an object, is ${shown(value)}`);
      return {};
    }
    for (const key of Object.keys(value)) {
      if (!keys.includes(key)) this.fail(join(path, key), `is not known here; known are ${keys.join(', ')}`);
    }
    return value as Record<string, unknown>;
  }

  list<T>(value: unknown, path: string, readItem: (item: unknown, path: string) => T): T[] {
    if (!Array.isArray(value)) {
      this.fail(path, `must be a list, is ${shown(value)}`);
      return [];
    }
    return value.map((item: unknown, index) => readItem(item, `${path}[${index}]`));
  }

  number(value: unknown, path: string, rule: NumberRule = {}): number {
    const fallback = Math.max(rule.min ?? 0, 0) + (rule.aboveMin === true ? 1 : 0);
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      this.fail(path, `must be a finite number, is ${shown(value)}`);
      return fallback;
    }
    if (rule.integer === true && !Number.isSafeInteger(value)) {
      this.fail(path, `must be a whole number, is ${value}`);
      return fallback;
    }
    const { min, max } = rule;
    if (min !== undefined && (rule.aboveMin === true ? value <= min : value < min)) {
      this.fail(path, `must be ${rule.aboveMin === true ? 'above' : 'at least'} ${min}, is ${value}`);
      return fallback;
    }
    if (max !== undefined && value > max) {
      this.fail(path, `must be at most ${max}, is ${value}`);
      return fallback;
    }
    return value;
  }

  text(value: unknown, path: string): string {
    if (typeof value !== 'string' || value.length === 0 || value.length > 200) {
      this.fail(path, `must be a text of 1 to 200 characters, is ${shown(value)}`);
      return '';
    }
    if (!invisible.test(value)) return value;
    this.fail(path, `must have no control characters, is ${shown(value)}`);
    return '';
  }

  oneOf<T extends string>(value: unknown, path: string, choices: readonly [T, ...T[]]): T {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.fail(path, `must be one of ${choices.join(', ')}, is ${shown(value)}`);
    return found ?? choices[0];
  }

  /** Numbers for each of `length` steps. */
  series(value: unknown, path: string, length: number, rule: NumberRule = {}): number[] {
    const numbers = this.list(value, path, (item, itemPath) => this.number(item, itemPath, rule));
    if (Array.isArray(value) && numbers.length !== length) {
      this.fail(path, `must have one number for each of the ${length} steps, has ${numbers.length}`);
    }
    return numbers;
  }
}

/**
 * The properties of `fields` that were given, each read by its function: a property that is absent stays absent.
 */
export function optional<T extends object>(
  record: Readonly<Record<string, unknown>>,
  path: string,
  fields: { readonly [K in keyof T]-?: (value: unknown, path: string) => T[K] },
): Partial<T> {
  const read: Partial<T> = {};
  for (const key of Object.keys(fields) as (keyof T & string)[]) {
    if (record[key] !== undefined) read[key] = fields[key](record[key], join(path, key));
  }
  return read;
}

export function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number') return String(value);
  const escaped = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`;
  const text = (JSON.stringify(value) ?? typeof value).replaceAll(invisibles, escaped);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
