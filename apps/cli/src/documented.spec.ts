import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { complete } from './completion/complete.js';
import { createProgram } from './command-line/program.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const program = createProgram('0', () => undefined);

it('every command line in the docs names commands and options that exist', () => {
  const pages = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md')).map((name) => join(ROOT, 'docs', name));
  const wrong: string[] = [];
  let seen = 0;
  for (const page of [...pages, join(ROOT, 'README.md')]) {
    for (const [, line] of readFileSync(page, 'utf8').matchAll(/^(?:\$ )?npx millrace ([^\n]*)$/gm)) {
      seen++;
      const problem = problemOf(line!.split(/ {2,}#| # |\s[|>]/)[0]!.trim().split(/\s+/));
      if (problem !== null) wrong.push(`${page.slice(ROOT.length)}: millrace ${line}: ${problem}`);
    }
  }
  expect(seen).toBeGreaterThan(40);
  expect(wrong).toEqual([]);
});

function problemOf(words: readonly string[]): string | null {
  let command: Command = program;
  for (const word of words) {
    if (word === '--') return null;
    if (word.startsWith('--') && word !== '--help' && word !== '--version' && !command.options.some((option) => option.long === word.split('=')[0])) return `no option ${word} of ${command.name()}`;
    if (word.startsWith('-')) continue;
    const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (next !== undefined) command = next;
    else if (command.commands.length > 0 && command.registeredArguments.length === 0 && /^[a-z-]+$/.test(word)) return `no command ${word}`;
  }
  return null;
}

it('Tab completes commands, options and choices', async () => {
  const words = async (typed: string[]): Promise<string[]> => (await complete(program, typed)).map(({ word }) => word);
  expect(await words(['var'])).toEqual(['variables']);
  expect(await words(['variables', 'im'])).toEqual(['import']);
  expect(await words(['dags', 'list', '--outp'])).toEqual(['--output']);
  expect(await words(['dags', 'list', '-o', ''])).toEqual(['table', 'json', 'yaml', 'plain']);
  expect(await words(['completion', 'z'])).toEqual(['zsh']);
});
