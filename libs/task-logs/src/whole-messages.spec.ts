import { describe, expect, it } from 'vitest';
import { wholeMessages } from './whole-messages.js';

const cut = (text: string, before: boolean, after: boolean | 'growing'): string => {
  const bytes = Buffer.from(text);
  const { from, to } = wholeMessages(bytes, { before, after });
  return bytes.subarray(from, to).toString();
};

describe('whole messages of a stretch', () => {
  it.each<[string, boolean, boolean | 'growing', string]>([
    ['of one\n\tmore\n[b] two\n\tmore\n[c] three', true, true, '[b] two\n\tmore\n'],
    ['[a] one\n[b] two\n', false, false, '[a] one\n[b] two\n'],
    ['[a] one\n[b] tw', false, 'growing', '[a] one\n'],
    ['[a] one\n[b] tw', false, false, '[a] one\n[b] tw'],
    ['bare\nlines\nonly', true, true, 'lines\n'],
    ['nothing ends here', true, true, 'nothing ends here'],
    ['nothing ends here', false, 'growing', ''],
    ['ends here\n', true, false, 'ends here\n'],
    ['[a] one of two\n\tlines', false, true, '[a] one of two\n'],
    ['', true, true, ''],
  ])('%j, cut before %s and after %s, is %j', (text, before, after, kept) => expect(cut(text, before, after)).toBe(kept));
});
