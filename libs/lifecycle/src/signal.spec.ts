import { describe, expect, it } from 'vitest';
import { Signal } from './signal.js';

describe('Signal', () => {
  it('resolves for those who wait, with the value they want', async () => {
    const signal = new Signal<number>('committed');
    signal.emit(0); // Nobody listens: lost, as meant.
    const [next, big] = [signal.next(), signal.next((value) => value > 5)];
    signal.emit(1);
    signal.emit(9);
    expect(await next).toBe(1);
    expect(await big).toBe(9);
  });

  it('calls listeners until they leave', () => {
    const signal = new Signal<string>('published');
    const heard: string[] = [];
    const leave = signal.on((value) => heard.push(value));
    signal.emit('a');
    leave();
    leave();
    signal.emit('b');
    expect(heard).toEqual(['a']);
  });

  it('holds the code at a point until released, once', async () => {
    const signal = new Signal<string>('after-commit-before-publish');
    const trail: string[] = [];
    const hold = signal.hold();
    const code = async (name: string): Promise<void> => {
      await signal.pass(name);
      trail.push(name);
    };
    const held = code('held');
    expect(await hold.reached).toBe('held');
    await code('free');
    expect(trail).toEqual(['free']);
    hold.release();
    await held;
    expect(trail).toEqual(['free', 'held']);
  });

  it('passes at once when nobody holds', () => {
    expect(new Signal('x').pass()).toBeUndefined();
  });
});
