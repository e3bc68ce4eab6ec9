import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogParser } from './line-format.js';
import { SecretMask } from './secret-mask.js';
import { TaskLogWriter } from './task-log-writer.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'millrace-log-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function writer(maxBytes = 1_000_000, mask = new SecretMask()): { log: TaskLogWriter; text: () => string; events: () => string[] } {
  const file = join(folder, 'deep', 'attempt=1.log');
  const log = new TaskLogWriter({ file, maxBytes, mask });
  const text = (): string => readFileSync(file, 'utf8');
  return { log, text, events: () => { const parser = new LogParser(); return [...parser.push(readFileSync(file)), ...parser.flush()].map(({ event }) => event); } };
}

describe('TaskLogWriter', () => {
  it('writes lines of children from chunks cut anywhere, masked across the cuts', () => {
    const mask = new SecretMask();
    mask.add('hunter22');
    const { log, events } = writer(1_000_000, mask);
    const out = log.output('task.stdout', 'INFO');
    for (const byte of Buffer.from('grüße hunter22\r\nno end hunter2')) out.push(Uint8Array.of(byte));
    out.end();
    log.error('failed with hunter22\nat line 1');
    log.end('failed');
    expect(events()).toEqual(['grüße ***', 'no end hunter2', 'failed with ***\nat line 1', 'Try ended: failed']);
  });

  it('breaks up a line without end', () => {
    const { log, events } = writer(10_000_000);
    log.output('task.stdout', 'INFO').push(Buffer.alloc(300_000, 120));
    log.close();
    expect(events().map((event) => event.length)).toEqual([65_536, 65_536, 65_536, 65_536]);
  });

  it('stops at the limit, says so once, still writes the end, and counts what another process wrote before', () => {
    const first = writer(2_000);
    first.log.info('x'.repeat(500));
    first.log.close();
    const { log, text, events } = writer(2_000);
    for (let i = 0; i < 100; i++) log.info('y'.repeat(100));
    log.end('success');
    expect(text().match(/Log cut off at 2000 bytes/g)).toHaveLength(1);
    expect(events().at(-1)).toBe('Try ended: success');
    expect(statSync(join(folder, 'deep', 'attempt=1.log')).size).toBeLessThan(2_400);
  });

  it('tells of a loss instead of throwing', () => {
    const losses: string[] = [];
    const log = new TaskLogWriter({ file: '/dev/full', maxBytes: 1_000_000, mask: new SecretMask(), onLoss: (message) => losses.push(message) });
    log.info('a');
    log.flush();
    log.info('b');
    log.close();
    expect(losses).toHaveLength(1);
    expect(losses[0]).toMatch(/could not be written: ENOSPC/);
  });
});
