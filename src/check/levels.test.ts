import { describe, expect, it } from 'vitest';
import { checkCausal, checkConvergence } from './causal.ts';
import type { Operation } from './history.ts';
import { type KeyValueInput, type KeyValueOutput, keyValueModel } from './key-value.ts';
import { checkLinearizability, type IllegalHistory } from './linearizability.ts';
import { drawIllegal } from './picture.ts';
import { checkPrefix } from './prefix.ts';
import { checkRegular, checkSafe, type RegisterOperation } from './register.ts';
import { checkSequential } from './sequential.ts';

type KeyValueOperation = Operation<KeyValueInput, KeyValueOutput>;

const get = (client: number, call: number, key: string, value: string | undefined): KeyValueOperation => ({
  client,
  input: { type: 'get', key },
  call,
  return: call + 1,
  output: { type: 'observed', value },
});
const put = (client: number, call: number, key: string, value: string): KeyValueOperation => ({
  client,
  input: { type: 'put', key, value },
  call,
  return: call + 1,
  output: { type: 'written' },
});
const open = (operation: KeyValueOperation): KeyValueOperation => ({
  ...operation,
  return: undefined,
  output: undefined,
});

const levels = (history: readonly KeyValueOperation[]) => ({
  linearizable: checkLinearizability(keyValueModel, history).type,
  sequential: checkSequential(history).type,
  causal: checkCausal(history).type,
});

describe('each level is weaker than the one before it', () => {
  it('one after the other satisfies all', () => {
    expect(levels([put(1, 0, 'x', 'a'), get(2, 2, 'x', 'a')])).toEqual({
      linearizable: 'ok',
      sequential: 'ok',
      causal: 'ok',
    });
  });

  it('a read of the past is sequential, and not linearizable', () => {
    expect(levels([put(1, 0, 'x', 'a'), get(2, 2, 'x', undefined)])).toEqual({
      linearizable: 'illegal',
      sequential: 'ok',
      causal: 'ok',
    });
  });

  it('two readers that see two writes in different orders are causal, and not sequential', () => {
    const history = [
      put(1, 0, 'x', 'a'),
      put(2, 0, 'x', 'b'),
      get(3, 2, 'x', 'a'),
      get(3, 4, 'x', 'b'),
      get(4, 2, 'x', 'b'),
      get(4, 4, 'x', 'a'),
    ];
    expect(levels(history)).toEqual({ linearizable: 'illegal', sequential: 'illegal', causal: 'ok' });
  });

  it('an answer that is seen before what it answers is not even causal', () => {
    const history = [
      put(1, 0, 'question', 'q'),
      get(2, 2, 'question', 'q'),
      put(2, 4, 'answer', 'a'),
      get(3, 6, 'answer', 'a'),
      get(3, 8, 'question', undefined),
    ];
    expect(levels(history).causal).toBe('illegal');
    expect(checkCausal(history)).toMatchObject({ pattern: 'staleInitialRead' });
  });
});

describe('sequential consistency', () => {
  it('does not come from that of each key alone', () => {
    const x = [put(1, 0, 'x', 'a'), get(2, 6, 'x', undefined)];
    const y = [get(1, 2, 'y', undefined), put(2, 4, 'y', 'b')];
    expect(checkSequential(x).type).toBe('ok');
    expect(checkSequential(y).type).toBe('ok');
    expect(checkSequential([...x, ...y]).type).toBe('illegal');
  });
  it('lets an open write happen late, and its client go on', () => {
    expect(
      checkSequential([open(put(1, 0, 'x', 'a')), get(1, 2, 'x', undefined), get(1, 4, 'x', 'a')]).type,
    ).toBe('ok');
  });
  it('is undecided when the budget is spent', () => {
    const history = Array.from({ length: 10 }, (_, i) => put(i, 0, 'x', `v${i}`));
    expect(checkSequential([...history, get(99, 5, 'x', 'none')], 500)).toMatchObject({ type: 'unknown' });
  });
});

describe('causal consistency', () => {
  it('knows what came out of thin air, and what was replaced', () => {
    expect(checkCausal([get(1, 0, 'x', 'a')])).toMatchObject({ pattern: 'thinAir' });
    const replaced = [put(1, 0, 'x', 'a'), put(1, 2, 'x', 'b'), get(2, 4, 'x', 'b'), get(2, 6, 'x', 'a')];
    expect(checkCausal(replaced)).toMatchObject({ pattern: 'staleRead' });
  });
  it('knows what depends on itself', () => {
    const history = [get(1, 0, 'y', 'b'), put(1, 2, 'x', 'a'), get(2, 4, 'x', 'a'), put(2, 6, 'y', 'b')];
    expect(checkCausal(history)).toMatchObject({ pattern: 'cyclic' });
  });
});

describe('convergence', () => {
  const history = [put(1, 0, 'x', 'a'), put(2, 0, 'x', 'b')];
  const states = (...values: string[]) =>
    new Map(values.map((value, at) => [`n${at}`, new Map([['x', value]])]));
  it('means equal states of what was written', () => {
    expect(checkConvergence(history, states('b', 'b', 'b')).type).toBe('ok');
    expect(checkConvergence(history, states('b', 'a', 'b')).type).toBe('illegal');
    expect(checkConvergence(history, states('c', 'c'))).toMatchObject({ pattern: 'thinAir' });
  });
});

const read = (from: number, to: number, value: string | undefined): RegisterOperation => ({
  client: 2,
  input: { type: 'read' },
  call: from,
  return: to,
  output: value,
});
const write = (from: number, to: number | undefined, value: string): RegisterOperation => ({
  client: 1,
  input: { type: 'write', value },
  call: from,
  return: to,
  output: undefined,
});

describe('registers: safe, regular and atomic differ', () => {
  it('a safe one may return anything while it is written, a regular one not', () => {
    const history = [write(0, 1, 'a'), write(2, 5, 'b'), read(3, 4, 'z')];
    expect(checkSafe(history).type).toBe('ok');
    expect(checkRegular(history).type).toBe('illegal');
  });
  it('a regular one may show the new value and then the old one, an atomic one not (trap G-1)', () => {
    const history = [write(0, 1, 'a'), write(2, 9, 'b'), read(3, 4, 'b'), read(5, 6, 'a')];
    expect(checkRegular(history).type).toBe('ok');
    const asKeys = [
      put(1, 0, 'x', 'a'),
      { ...put(1, 2, 'x', 'b'), return: 9 },
      get(2, 3, 'x', 'b'),
      get(3, 5, 'x', 'a'),
    ];
    expect(checkLinearizability(keyValueModel, asKeys).type).toBe('illegal');
  });
  it('a safe one returns the last value when nobody writes', () => {
    expect(checkSafe([write(0, 1, 'a'), read(2, 3, undefined)]).type).toBe('illegal');
    expect(checkSafe([write(0, 1, 'a'), write(2, 3, 'b'), read(4, 5, 'a')]).type).toBe('illegal');
    expect(checkRegular([write(0, undefined, 'a'), read(4, 5, 'a'), read(6, 7, undefined)]).type).toBe('ok');
  });
});

describe('prefixes', () => {
  const seen = (replica: string, items: string) => ({ replica, items: [...items] });
  const same = (a: string, b: string) => a === b;
  it('continue one another, up to the depth', () => {
    expect(checkPrefix([seen('a', 'xy'), seen('b', 'xyz'), seen('a', 'xyzw')], 0, same).type).toBe('ok');
    expect(checkPrefix([seen('a', 'xy'), seen('b', 'xz')], 0, same)).toMatchObject({
      property: 'commonPrefix',
      at: 1,
    });
    expect(checkPrefix([seen('a', 'xy'), seen('b', 'xz')], 1, same).type).toBe('ok');
    expect(checkPrefix([seen('a', 'xyz'), seen('b', 'qrs')], 2, same).type).toBe('illegal');
  });
  it('do not shrink', () => {
    expect(checkPrefix([seen('a', 'xyz'), seen('a', 'x')], 0, same)).toMatchObject({ property: 'growth' });
  });
});

describe('the picture of a history that nothing explains', () => {
  it('shows what works, and what does not', () => {
    const found: IllegalHistory<KeyValueInput, KeyValueOutput>[] = [];
    const history = [put(1, 0, 'x', 'a<b'), get(2, 2, 'x', 'a<b'), get(2, 4, 'x', undefined)];
    checkLinearizability(keyValueModel, history, undefined, (illegal) => found.push(illegal));
    expect(found).toHaveLength(1);
    const svg = found.map((illegal) => drawIllegal(keyValueModel, illegal)).join('');
    expect(svg.match(/class="explained/g)).toHaveLength(2);
    expect(svg.match(/class="stuck/g)).toHaveLength(1);
    expect(svg).toContain('2. get(&quot;x&quot;) -&gt; a&lt;b');
    expect(svg).not.toContain('a<b');
  });
});
