import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLogger } from './create-logger.js';
import type { LoggerOptions } from './create-logger.js';

function capture(options: Partial<LoggerOptions> = {}) {
  let text = '';
  const stream = new Writable({ write: (chunk: Buffer, _encoding, done) => { text += chunk.toString(); done(); } });
  return { logger: createLogger({ service: 'spec', stream, ...options }), lines: () => text.trimEnd().split('\n'), json: () => text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('createLogger', () => {
  it('writes one JSON object a line, with what every line has', () => {
    const { logger, json } = capture({ fields: { dag_id: 'd' } });
    logger.info('ready', { http_port: 1 });
    logger.child({ attempt_id: 'a' }).error('two\nlines');
    expect(json()).toEqual([
      { timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), level: 'info', service: 'spec', message: 'ready', dag_id: 'd', http_port: 1 },
      { timestamp: expect.any(String), level: 'error', service: 'spec', message: 'two\nlines', dag_id: 'd', attempt_id: 'a' },
    ]);
  });

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ] as const)('at level %s writes %j', (level, written) => {
    const { logger, json } = capture({ level });
    logger.debug('x');
    logger.info('x');
    logger.warn('x');
    logger.error('x');
    expect(json().map((line) => line['level'])).toEqual(written);
  });

  it('does not let fields take the place of its own names', () => {
    const { logger, json } = capture();
    logger.info('real', { message: 'forged', level: 'x', service: 'y', timestamp: 0 });
    expect(json()[0]).toMatchObject({ message: 'real', level: 'info', service: 'spec', message_: 'forged', level_: 'x' });
  });

  it('masks messages and fields', () => {
    const { logger, lines } = capture();
    logger.warn('amqp://u:canary@h', { url: 'amqp://u:canary@h', password: 'canary', error: new Error('amqp://u:canary@h') });
    expect(lines()[0]).not.toContain('canary');
  });

  it('writes text for people, without letting a value forge a line or paint the terminal', () => {
    const { logger, lines } = capture({ format: 'text' });
    logger.info('hello', { dag_id: 'd', note: 'two words', id: '\u001b[31m\nforged' });
    logger.error('bad\u001b[2J', { error: new Error('broken') });
    expect(lines()[0]).toMatch(/^\S+Z info {2}spec hello dag_id=d note="two words" id="\\u001b\[31m\\nforged"$/);
    expect(lines()[1]).toMatch(/error spec bad\\x1b\[2J error="broken"$/);
    expect(lines()[2]).toBe('Error: broken');
  });
});
