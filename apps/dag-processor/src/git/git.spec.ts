import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GitCheckout, commitOf } from './git-checkout.js';
import type { GitCredentials } from './git-checkout.js';
import { gitSources } from './git-sources.js';

const NOBODY: GitCredentials = { username: 'git', token: '', sshKeyFile: '' };
const TOKEN = 'canary-token-4711';
const signal = new AbortController().signal;

let home: string;
let work: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'millrace-git-'));
  work = join(home, 'work');
  mkdirSync(work);
  git('init', '--quiet', '--initial-branch', 'main');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function git(...args: string[]): string {
  return execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'commit.gpgsign=false', ...args], { cwd: work, encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: home, GIT_CONFIG_NOSYSTEM: '1' } }).trim();
}

function commit(files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), text);
  }
  git('add', '--all');
  git('commit', '--quiet', '--message', 'one');
  return git('rev-parse', 'HEAD');
}

function checkout(reference = '#main', credentials = NOBODY, url = `file://${work}`): GitCheckout {
  return new GitCheckout(join(home, 'checkout'), gitSources([`team=${url}${reference}`])[0]!, credentials);
}
const read = (path: string): string => readFileSync(join(home, 'checkout', 'current', path), 'utf8');

describe('a repository', () => {
  it('is checked out commit by commit, behind a link that is swapped', async () => {
    const first = commit({ 'dags/a.dag.yaml': 'one', 'dags/gone.txt': 'x' });
    const follower = checkout('#main:dags');
    expect(await follower.update(signal)).toEqual({ commit: first, isNew: true });
    expect(await follower.update(signal)).toEqual({ commit: first, isNew: false });
    expect(read('dags/a.dag.yaml')).toBe('one');
    rmSync(join(work, 'dags/gone.txt'));
    const second = commit({ 'dags/a.dag.yaml': 'two' });
    expect(await follower.update(signal)).toEqual({ commit: second, isNew: true });
    expect([read('dags/a.dag.yaml'), existsSync(join(home, 'checkout/current/dags/gone.txt')), await follower.current()]).toEqual(['two', false, second]);
    // History that was rewritten, and another process that starts anew.
    git('reset', '--quiet', '--hard', first);
    const third = commit({ 'dags/a.dag.yaml': 'three' });
    expect(await checkout('#main:dags').update(signal)).toEqual({ commit: third, isNew: true });
    expect(readdirSync(join(home, 'checkout/commits'))).toHaveLength(2);
    expect(readdirSync(join(home, 'checkout')).sort()).toEqual(['commits', 'current', 'repository.git']);
    expect(commitOf(join(home, 'checkout/commits', third, 'dags/a.dag.yaml'))).toBe(third);
    expect(commitOf('/srv/dags/a.ts')).toBe('');
  });

  it('follows its own default branch when none is named, and makes no link that leads out', async () => {
    symlinkSync('/etc/hostname', join(work, 'secret.txt'));
    const only = commit({ 'a.dag.yaml': 'one' });
    expect(await checkout('').update(signal)).toEqual({ commit: only, isNew: true });
    expect(read('secret.txt')).toBe('/etc/hostname');
  });

  it.each<[what: string, reference: string, says: RegExp]>([
    ['no such branch', '#nothing', /has no branch "nothing"/],
    ['no such folder', '#main:nothing', /has no folder "nothing"/],
  ])('keeps the last good state: %s', async (_, reference, says) => {
    const good = commit({ 'a.dag.yaml': 'one' });
    await checkout().update(signal);
    commit({ 'a.dag.yaml': 'two' });
    await expect(checkout(reference).update(signal)).rejects.toThrow(says);
    expect([read('a.dag.yaml'), await checkout().current()]).toEqual(['one', good]);
  });

  it('that is not there, or refuses, is told without a credential', async () => {
    await expect(checkout('#main', NOBODY, `file://${home}/nothing`).update(signal)).rejects.toThrow(/cannot be reached, or is no repository/);
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.git`;
    const refused = checkout('#main', { ...NOBODY, token: TOKEN }, url);
    const error = await refused.update(signal).then(() => null, (thrown: unknown) => thrown as Error);
    server.close();
    expect(error?.message).toMatch(/refused the credentials/);
    expect(`${error?.message} ${error?.stack}`).not.toContain(TOKEN);
    expect(asked).toContain(`Basic ${Buffer.from(`git:${TOKEN}`).toString('base64')}`);
    await expect(checkout('#main', NOBODY, url).update(signal), 'nobody listens there any more').rejects.toThrow(/cannot be reached/);
  });
});

describe('dag_processor.git', () => {
  it('is read', () => {
    expect(gitSources(['a=https://git.example.com/x.git', 'b=git@example.com:x/y.git#main', 'c=/srv/x.git#release/1:deep/dags'])).toEqual([
      { name: 'a', url: 'https://git.example.com/x.git', branch: 'HEAD', folder: '' },
      { name: 'b', url: 'git@example.com:x/y.git', branch: 'main', folder: '' },
      { name: 'c', url: '/srv/x.git', branch: 'release/1', folder: 'deep/dags' },
    ]);
  });

  it.each<[text: string, says: RegExp]>([
    ['https://git.example.com/x.git', /has another form/],
    ['a=ext::sh -c id', /has another form/],
    ['a=ext::sh', /names no repository/],
    ['a=--upload-pack=x', /names no repository/],
    [`a=https://me:${TOKEN}@git.example.com/x.git`, /holds a password/],
    ['a=https://x/y#--force', /unusable branch/],
    ['a=https://x/y#main:../z', /outside of the repository/],
  ])('%s is refused', (text, says) => {
    expect(() => gitSources([text])).toThrow(says);
    expect(() => gitSources([text])).not.toThrow(TOKEN);
  });
});
