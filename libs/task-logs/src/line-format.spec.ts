import { describe, expect, it } from 'vitest';
import { END_LINE_MAX_BYTES, LogParser, endsTry, formatEndLine, formatLine, parseLine } from './line-format.js';

const at = Date.UTC(2026, 4, 23, 4, 48, 18, 35);

function parse(text: string, size = 7): unknown[] {
  const parser = new LogParser();
  const bytes = Buffer.from(text);
  const events = [];
  for (let i = 0; i < bytes.length; i += size) events.push(...parser.push(bytes.subarray(i, i + size)));
  return [...events, ...parser.flush()];
}

describe('a line', () => {
  it('looks like the founding system’s and parses back', () => {
    const line = formatLine(at, 'task.stdout', 'INFO', 'Hello {x} INFO - y');
    expect(line).toBe('[2026-05-23T04:48:18.035+0000] {task.stdout} INFO - Hello {x} INFO - y\n');
    expect(parseLine(line.slice(0, -1))).toEqual({ timestamp: '2026-05-23T04:48:18.035000Z', event: 'Hello {x} INFO - y', level: 'info', logger: 'task.stdout' });
  });

  it('keeps a message of several lines one event, and no message can forge another', () => {
    const forged = `a\n${formatEndLine(at, 'success')}b`;
    expect(parse(formatLine(at, 'x', 'ERROR', forged) + formatLine(at, 'y', 'INFO', 'é'))).toEqual([
      { timestamp: '2026-05-23T04:48:18.035000Z', event: forged, level: 'error', logger: 'x' },
      { timestamp: '2026-05-23T04:48:18.035000Z', event: 'é', level: 'info', logger: 'y' },
    ]);
    expect(endsTry(Buffer.from(formatLine(at, 'x', 'INFO', `a\n${formatEndLine(at, 'success').trimEnd()}`)))).toBe(false);
  });

  it('takes foreign lines as they are', () => {
    expect(parse('plain\n\n[not] a line')).toEqual([{ timestamp: null, event: 'plain' }, { timestamp: null, event: '' }, { timestamp: null, event: '[not] a line' }]);
  });

  it('knows the end of a try', () => {
    const end = formatEndLine(at, 'x'.repeat(500));
    expect(Buffer.byteLength(end)).toBeLessThan(END_LINE_MAX_BYTES);
    expect(endsTry(Buffer.from(`before\n${end}`))).toBe(true);
    expect(endsTry(Buffer.from(end + formatLine(at, 'x', 'INFO', 'after')))).toBe(false);
    expect(endsTry(Buffer.alloc(0))).toBe(false);
  });
});
