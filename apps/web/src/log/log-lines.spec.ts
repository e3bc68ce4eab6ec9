import { describe, expect, it } from 'vitest';
import { LogLines, matches, shownLines, spansOf } from './log-lines.js';

const at = (time: string): string => `2026-11-23T10:00:${time}.000000Z`;

describe('lines of a log', () => {
  it('come from events: several lines of one message, the first with its time', () => {
    const log = new LogLines();
    log.add([{ timestamp: at('01'), event: 'one', level: 'info', logger: 'task' }, { timestamp: at('02'), event: 'failed\n  at here', level: 'ERROR' }]);
    log.add([{ event: 'plain' }]);
    expect(log.lines.map((line) => [line.timestamp, line.level, line.text, line.isFirst])).toEqual([[at('01'), 'info', 'one', true], [at('02'), 'error', 'failed', true], [null, 'error', '  at here', false], [null, null, 'plain', true]]);
    expect(log.errors).toEqual([1]);
  });

  it('are put before others, errors and groups with them', () => {
    const log = new LogLines();
    log.add([{ event: '::group::later' }, { event: 'in it' }, { event: '::endgroup::' }, { event: 'Error: late' }]);
    log.addBefore([{ event: 'early' }, { event: 'Error: early' }, { event: '::group::cut off' }, { event: 'inside' }]);
    expect(log.lines.map((line) => [line.text, line.group])).toEqual([['early', null], ['Error: early', null], ['cut off', 4], ['inside', null], ['later', 6], ['in it', null], ['Error: late', null]]);
    expect([log.errors, log.before]).toEqual([[1, 6], 4]);
    expect(shownLines(log.lines, 'debug', new Set([0]), log.before)).toEqual([0, 1, 2, 4, 5, 6]);
  });

  it('know errors by their words where no level says it', () => {
    const log = new LogLines();
    log.add([{ event: 'fine' }, { event: 'TypeError: no such thing', level: 'info' }, { event: 'Traceback (most recent call last):' }, { event: 'no errors here' }, { event: 'Error: quiet', level: 'debug' }]);
    expect(log.errors).toEqual([1, 2]);
  });

  it('fold groups, in groups, and open-ended ones to the end', () => {
    const log = new LogLines();
    log.add(['::group::outer', 'a', '::group::inner', 'b', '::endgroup::', 'c', '::endgroup::', 'd', '::group::open', 'e', '::endgroup::::', '::endgroup::'].map((event) => ({ event })));
    const texts = (unfolded: readonly number[]): readonly string[] => shownLines(log.lines, 'debug', new Set(unfolded)).map((line) => log.lines[line]!.text);
    expect(texts([])).toEqual(['outer', 'd', 'open']);
    expect(texts([0])).toEqual(['outer', 'a', 'inner', 'c', 'd', 'open']);
    expect(texts([0, 2])).toEqual(['outer', 'a', 'inner', 'b', 'c', 'd', 'open']);
    expect(log.lines.map((line) => line.depth)).toEqual([0, 1, 1, 2, 1, 0, 0, 1]);
  });

  it('are filtered by level, but never lines that have none', () => {
    const log = new LogLines();
    log.add([{ event: 'x', level: 'debug' }, { event: 'y', level: 'warn' }, { event: 'z' }]);
    expect(shownLines(log.lines, 'warning', new Set()).map((line) => log.lines[line]!.text)).toEqual(['y', 'z']);
  });

  it('are searched without their colours', () => {
    const log = new LogLines();
    log.add([{ event: '\u001b[31mre\u001b[1md\u001b[0m one' }, { event: 'Red two' }, { event: 'blue' }]);
    expect(matches(log.lines, [0, 1, 2], 'RED')).toEqual([0, 1]);
    expect(matches(log.lines, [0, 1, 2], '')).toEqual([]);
  });
});

describe('a line in pieces', () => {
  it.each([
    ['plain', '', [['plain', '']]],
    ['\u001b[31mred\u001b[0m rest', '', [['red', 'fg-ansi-red'], [' rest', '']]],
    ['one two one', 'ONE', [['one', ' match'], [' two ', ''], ['one', ' match']]],
    ['\u001b]8;;javascript:alert(1)\u0007click\u001b]8;;\u0007', '', [['click', '']]],
    ['\u001b[2J\u001b[1;1Hgone', '', [['gone', '']]],
    ['<img src=x>', '', [['<img src=x>', '']]],
  ])('%j searched for %j', (raw, search, pieces) => {
    expect(spansOf(raw, search).filter((span) => span.text !== '').map((span) => [span.text, span.classes])).toEqual(pieces);
  });
});
