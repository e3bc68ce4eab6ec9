import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runningStandalone } from '../client/running-standalone.js';
import { HomeLock } from './home-lock.js';
import { checkPort, keptSecret, newPassword, prepareHome } from './prepare-home.js';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

let home: string;
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'millrace-home-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('HomeLock', () => {
  it('is held by one, tells clients where the api is, and is free again', () => {
    const lock = new HomeLock(home);
    lock.take();
    expect(() => new HomeLock(home).take()).toThrow(new RegExp(`another standalone \\(process ${process.pid}\\) runs on`));
    lock.tell('http://127.0.0.1:1234');
    expect(runningStandalone(home)).toMatchObject({ pid: process.pid, url: 'http://127.0.0.1:1234' });
    lock.release();
    expect(runningStandalone(home)).toBeNull();
  });

  it.each([
    ['a dead process', () => JSON.stringify({ pid: spawnSync('true').pid, url: '', life: 'x' })],
    ['a pid that is somebody else’s now', () => JSON.stringify({ pid: process.pid, url: '', life: 'another boot:1' })],
    ['rubbish', () => '{'],
  ])('takes over from %s', (_who, content) => {
    writeFileSync(join(home, 'standalone.lock'), content());
    const lock = new HomeLock(home);
    lock.take();
    lock.release();
    expect(existsSync(join(home, 'standalone.lock'))).toBe(false);
  });
});

describe('the home', () => {
  it('is made with its folders, or the reason is said', () => {
    prepareHome(join(home, 'new'));
    expect(existsSync(join(home, 'new', 'plugins'))).toBe(true);
    writeFileSync(join(home, 'file'), '');
    expect(() => prepareHome(join(home, 'file', 'below'))).toThrow(/can't be used \(\w+\)\. Give millrace one it may write to: MILLRACE_HOME=/);
  });

  it('keeps a secret', () => {
    const file = join(home, 'secret');
    const made = keptSecret(file, '', newPassword);
    expect([made.origin, made.value.length]).toEqual(['generated', 20]);
    expect(keptSecret(file, 'other', newPassword)).toMatchObject({ origin: 'kept', value: made.value });
  });

  it('says which port to take when one is in use', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    await expect(checkPort('127.0.0.1', port)).rejects.toThrow(`port ${port} on 127.0.0.1 is in use. Choose another: npm start -- --port ${port + 1}`);
    server.close();
    await new Promise((done) => server.once('close', done));
    await checkPort('127.0.0.1', port);
  });
});
