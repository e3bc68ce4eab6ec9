import { describe, expect, it } from 'vitest';
import { searchLog } from './search-log.js';
import type { LogMatch } from './search-log.js';

async function* inPieces(text: string, length: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function search(text: string, wanted: string, { piece = 7, startByte = 0, isAtEnd = true } = {}): Promise<{ found: LogMatch[]; until: number }> {
  const found: LogMatch[] = [];
  let until = startByte;
  for await (const match of searchLog(inPieces(text, piece), wanted, { startByte, isAtEnd: () => isAtEnd, progress: (at) => { until = at; } })) found.push(match);
  return { found, until };
}

const LOG = '[a] Ärger one\n\tof Ärger\n[b] ONE two 中文 one\nbare one\n';

describe('searching a log', () => {
  it.each([1, 3, 7, 1_000])('finds lines across chunks of %i bytes, each once, with where their message begins', async (piece) => {
    const { found, until } = await search(LOG, 'One', { piece });
    const second = Buffer.byteLength('[a] Ärger one\n\tof Ärger\n');
    const third = second + Buffer.byteLength('[b] ONE two 中文 one\n');
    expect(found).toEqual([
      { byte: 0, lineByte: 0, text: '[a] Ärger one' },
      { byte: second, lineByte: second, text: '[b] ONE two 中文 one' },
      { byte: third, lineByte: third, text: 'bare one' },
    ]);
    expect(until).toBe(Buffer.byteLength(LOG));
  });

  it('says where the message of a further line begins, and counts from where the reading began', async () => {
    expect((await search(LOG, 'of Ärger', { startByte: 100 })).found).toEqual([{ byte: 100, lineByte: 100 + Buffer.byteLength('[a] Ärger one\n'), text: 'of Ärger' }]);
  });

  it('does not take letters of other scripts for each other', async () => {
    // 0xE3 0xA9 … is 0xC3 0xA9 in another case, to who reads single bytes.
    expect((await search('[a] 㩀\n', 'é')).found).toEqual([]);
    expect((await search('[a] é\n', 'é')).found).toHaveLength(1);
  });

  it('leaves a message that was cut off to the next search', async () => {
    const { found, until } = await search('[a] one\n[b] on', 'on', { isAtEnd: false });
    expect(found.map((match) => match.byte)).toEqual([0]);
    expect(until).toBe(8);
  });

  it('holds no more of a log without line breaks than a megabyte, and finds what lies across its pieces', async () => {
    const { found } = await search(`${'x'.repeat(1_500_000)}needle${'x'.repeat(1_500_000)}`, 'needle', { piece: 65_536 });
    expect(found).toHaveLength(1);
    expect(found[0]!.text).toContain('needle');
    expect(found[0]!.text.length).toBeLessThan(400);
  });
});
