import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const has = (shell: string): boolean => {
  const isThere = spawnSync(shell, ['--version'], { stdio: 'ignore' }).error === undefined;
  if (!isThere) console.warn(`SKIPPED: completion in ${shell}, which is not installed`);
  return isThere;
};

let folder: string;
let env: NodeJS.ProcessEnv;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-shells-'));
  writeFileSync(join(folder, 'millrace'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(join(folder, 'millrace'), 0o755);
  writeFileSync(join(folder, 'settings.yaml'), '');
  env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, HOME: folder, ZDOTDIR: folder, MILLRACE_HOME: folder, MILLRACE_API_URL: 'http://127.0.0.1:1', TERM: 'dumb', LANG: 'C.UTF-8' };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shell = (program: string, args: readonly string[]): string => execFileSync(program, args, { cwd: folder, env, encoding: 'utf8', timeout: 90_000, stdio: ['ignore', 'pipe', 'inherit'] });

describe.skipIf(!has('bash'))('bash', () => {
  it('completes commands, choices and nothing else', () => {
    const asked = (...words: string[]): string => `COMP_WORDS=(millrace ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _millrace; echo "\${COMPREPLY[*]}"`;
    expect(shell('bash', ['--norc', '-c', `eval "$(millrace completion bash)"; ${asked('dags', 'unp')}; ${asked('dags', 'list', '-o', '')}; ${asked('variables', 'import', '')}`])).toBe('unpause\ntable json yaml plain\n\n');
  }, 120_000);
});

describe.skipIf(!has('fish'))('fish', () => {
  it('completes commands with what they do, choices, and files where a file is meant', () => {
    const lines = shell('fish', ['--no-config', '-c', `millrace completion fish | source; complete -C 'millrace dags unp'; complete -C 'millrace dags list -o '; complete -C 'millrace variables import set'`]).trim().split('\n');
    expect(lines).toEqual(['unpause\tlet a dag run again', 'json', 'plain', 'table', 'yaml', 'settings.yaml']);
  }, 120_000);
});

describe.skipIf(!has('zsh'))('zsh', () => {
  it('hands words with what they do to its menu, and asks for files where a file is meant', () => {
    // Its completion runs at a terminal only; what draws the menu is told here instead.
    const asked = (...words: string[]): string => `words=(millrace ${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length + 1}; _millrace`;
    const lines = shell('zsh', ['-f', '-c', `compdef() { print -r -- "compdef $*" }; _describe() { print -rl -- "\${(@P)4}" }; _files() { print files }
      eval "$(millrace completion zsh)"; ${asked('dags', 'unp')}; ${asked('dags', 'list', '-o', '')}; ${asked('variables', 'import', 'set')}`]).trim().split('\n');
    expect(lines).toEqual(['compdef _millrace millrace', 'unpause:let a dag run again', 'table', 'json', 'yaml', 'plain', 'files']);
  }, 120_000);
});
