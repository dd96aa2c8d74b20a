import { expect, test } from 'vitest';
import { maxPasswordsAtOnce, maxWaitingPasswords } from '../limits.ts';
import { abandonedPassword, PasswordQueue, tooManyPasswords, type Unhashed } from './password-queue.ts';

/** Passwords are looked at when the test says so. */
class World {
  readonly queue = new PasswordQueue();
  readonly begun: string[] = [];
  readonly #finish: (() => void)[] = [];

  ask(name: string, user: string, isAbandoned: () => boolean = () => false): Promise<string | Unhashed> {
    return this.queue.run({ user, isAbandoned }, () => {
      this.begun.push(name);
      return new Promise((resolve) => this.#finish.push(() => resolve(name)));
    });
  }

  fill(user: string, count: number, isAbandoned?: () => boolean): Promise<string | Unhashed>[] {
    return Array.from({ length: count }, (_, at) => this.ask(`${user}${at}`, user, isAbandoned));
  }

  async finishAll(): Promise<void> {
    for (let finish = this.#finish.shift(); finish !== undefined; finish = this.#finish.shift()) {
      finish();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test('few are under way at once', () => {
  const world = new World();
  world.fill('root', 10);
  expect(world.begun).toHaveLength(maxPasswordsAtOnce);
});

test('those whose callers have gone take no turn', async () => {
  const world = new World();
  let gone = false;
  const running = world.fill('busy', maxPasswordsAtOnce);
  const abandoned = world.fill('root', 40, () => gone);
  const last = world.ask('last', 'root');
  gone = true;
  await world.finishAll();
  expect(world.begun).toEqual(['busy0', 'busy1', 'last']);
  expect(new Set(await Promise.all(abandoned))).toEqual(new Set([abandonedPassword]));
  expect(await Promise.all([...running, last])).toEqual(['busy0', 'busy1', 'last']);
});

test('those who have gone make room for those who come', async () => {
  const world = new World();
  let gone = false;
  const asked = world.fill('root', maxPasswordsAtOnce + maxWaitingPasswords, () => gone);
  gone = true;
  const late = world.ask('late', 'root');
  await world.finishAll();
  expect(await late).toBe('late');
  expect((await Promise.all(asked)).filter((answer) => answer === abandonedPassword)).toHaveLength(
    maxWaitingPasswords,
  );
});

test('users take turns', async () => {
  const world = new World();
  world.fill('a', 20);
  world.fill('b', 2);
  await world.finishAll();
  expect(world.begun.slice(0, 7)).toEqual(['a0', 'a1', 'a2', 'b0', 'a3', 'b1', 'a4']);
});

test('more than may wait are refused, and the user with the most waiting gives way to the others', async () => {
  const world = new World();
  const asked = world.fill('a', maxPasswordsAtOnce + maxWaitingPasswords);
  expect(await world.ask('more', 'a')).toBe(tooManyPasswords);
  const other = world.ask('b0', 'b');
  expect(await asked.at(-1)).toBe(tooManyPasswords);
  await world.finishAll();
  expect(await other).toBe('b0');
  expect(await asked.at(-2)).toBe(`a${maxPasswordsAtOnce + maxWaitingPasswords - 2}`);
  expect(world.begun.indexOf('b0')).toBe(maxPasswordsAtOnce + 1);
});
