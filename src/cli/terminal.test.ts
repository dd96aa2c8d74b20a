import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { terminalOf } from './terminal.ts';

/** A terminal as far as it can be one without hardware: it remembers whether it would echo. */
class Keyboard extends PassThrough {
  raw = false;

  setRawMode(raw: boolean): this {
    this.raw = raw;
    return this;
  }
}

function sitDown() {
  const keyboard = new Keyboard();
  const shown: string[] = [];
  const echoing: boolean[] = [];
  const output = {
    write: (text: string | Uint8Array) => {
      shown.push(String(text));
      echoing.push(!keyboard.raw);
    },
  };
  return { keyboard, shown, echoing, terminal: terminalOf(keyboard as never, output) };
}

test('a secret is not shown, and can be edited while it is typed', async () => {
  const { keyboard, shown, echoing, terminal } = sitDown();
  const secret = terminal.askSecret('Password: ');
  expect([shown, echoing]).toEqual([['Password: '], [false]]);
  for (const keys of ['wrong\u0015', 'sä', 'x\u007f', 'cret\r']) keyboard.write(keys);
  expect(await secret).toBe('säcret');
  expect([shown.join(''), keyboard.raw]).toEqual(['Password: \n', false]);
});

test.each([
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', '\u0004'],
])('%s gives up', async (_name, key) => {
  const { keyboard, terminal } = sitDown();
  const secret = terminal.askSecret('Password: ');
  keyboard.write(`half${key}`);
  await expect(secret).rejects.toMatchObject({ exitCode: 1 });
  expect(keyboard.raw).toBe(false);
});

test('a line is read as it is typed', async () => {
  const { keyboard, shown, terminal } = sitDown();
  const line = terminal.ask('Name: ');
  keyboard.write('n1\n');
  expect([await line, shown]).toEqual(['n1', ['Name: ']]);
  const nothing = terminal.ask('Name: ');
  keyboard.end();
  await expect(nothing).rejects.toMatchObject({ exitCode: 1 });
});
