import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { STATE_ORDER, stateName } from '../look/states.js';
import { CHINESE } from './chinese.js';

const folder = join(import.meta.dirname, '..');
const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file) && !file.includes('.spec.')).map((file) => readFileSync(join(folder, file), 'utf8'));

it('every text of the UI has its Chinese', () => {
  const texts = new Set(sources.flatMap((source) => [...source.matchAll(/\bt\('((?:[^'\\]|\\.)*)'/g)].map((match) => match[1]!.replaceAll("\\'", "'"))));
  expect(texts.size).toBeGreaterThan(300);
  expect([...texts].filter((text) => CHINESE[text] === undefined)).toEqual([]);
  expect(STATE_ORDER.map((state) => stateName(state)).filter((text) => CHINESE[text] === undefined)).toEqual([]);
});

it('every Chinese text has the values of its English one', () => {
  const values = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).toSorted();
  expect(Object.entries(CHINESE).filter(([english, chinese]) => values(english).join() !== values(chinese).join())).toEqual([]);
});
