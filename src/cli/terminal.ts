import { createInterface } from 'node:readline';
import type { ReadStream } from 'node:tty';
import type { Output, Terminal } from './dependencies.ts';
import { refusedFailure } from './exit-codes.ts';

type Input = Pick<ReadStream, 'on' | 'off' | 'pause' | 'resume' | 'setRawMode'>;

const givenUp = () => refusedFailure('given up; nothing was done.');

/** Asks on `output`, so that stdout keeps to data, and reads from `input`. */
export function terminalOf(input: Input & NodeJS.ReadableStream, output: Output): Terminal {
  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        output.write(question);
        const lines = createInterface({ input });
        let answered = false;
        lines.once('line', (line) => {
          answered = true;
          resolve(line);
          lines.close();
        });
        lines.once('close', () => {
          if (!answered) reject(givenUp());
        });
      }),
    askSecret: (question) => askSecret(question, input, output),
  };
}

/** The terminal echoes only in its cooked mode; in the raw one the keys that edit a line are ours to understand. */
function askSecret(question: string, input: Input, output: Output): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const decoder = new TextDecoder();
    const end = (settle: () => void): void => {
      input.off('data', onData);
      input.setRawMode(false);
      input.pause();
      output.write('\n');
      settle();
    };
    const onData = (chunk: Buffer): void => {
      for (const character of decoder.decode(chunk, { stream: true })) {
        if (character === '\r' || character === '\n') return end(() => resolve(typed.join('')));
        // Ctrl-C, and Ctrl-D for the end of the input.
        if (character === '\u0003' || character === '\u0004') return end(() => reject(givenUp()));
        if (character === '\u007f' || character === '\b') typed.pop();
        else if (character === '\u0015') typed = [];
        else typed.push(character);
      }
    };
    // First of all, so that nothing is shown of what is typed as soon as the question is there.
    input.setRawMode(true);
    output.write(question);
    input.on('data', onData);
    input.resume();
  });
}
