import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretMask } from './secret-mask.js';

function masking(...secrets: unknown[]): SecretMask {
  const mask = new SecretMask();
  for (const secret of secrets) mask.add(secret);
  return mask;
}

describe('SecretMask', () => {
  it('masks nested values, numbers and encoded forms', () => {
    const mask = masking({ password: 'p@ss word"1', deep: [{ pin: 123456 }] });
    expect(mask.mask('p@ss word"1 / 123456')).toBe('*** / ***');
    expect(mask.mask(`${encodeURIComponent('p@ss word"1')} ${Buffer.from('p@ss word"1').toString('base64')} ${JSON.stringify('p@ss word"1')}`)).toBe('*** *** "***"');
  });

  it('masks the longer of two that begin alike, and each line of a key', () => {
    expect(masking('secret', 'secret-longer').mask('secret-longer')).toBe('***');
    expect(masking('-----BEGIN-----\nabcdefghijkl\n-----END-----').mask('read abcdefghijkl')).toBe('read ***');
  });

  it('leaves what is too short to be a secret', () => {
    expect(masking('abc', '', null, true).mask('abc true null')).toBe('abc true null');
  });

  it('lets no secret through, however a text is cut', () => {
    const letter = fc.constantFrom('a', 'b', 'c');
    const word = fc.string({ unit: letter, minLength: 5, maxLength: 8 });
    fc.assert(fc.property(word, fc.array(fc.string({ unit: letter, maxLength: 9 }), { maxLength: 8 }), fc.nat(8), (secret, noise, at) => {
      const mask = masking(secret);
      const text = [...noise.slice(0, at), secret, ...noise.slice(at)].join('');
      for (const size of [1, 2, 3, 7]) {
        const stream = mask.stream();
        let out = '';
        for (let i = 0; i < text.length; i += size) out += stream.push(text.slice(i, i + size));
        out += stream.flush();
        expect(out).toBe(mask.mask(text));
      }
    }));
  });

  it('holds back a beginning that may become a longer secret', () => {
    const stream = masking('secret', 'secret-longer').stream();
    expect([stream.push('x secret'), stream.push('-longer y'), stream.flush()].join('')).toBe('x *** y');
  });
});
