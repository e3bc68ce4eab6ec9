import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ApiRig } from '../testing/api-rig.js';

const html = readFileSync(new URL('../../ui/index.html', import.meta.url), 'utf8');
const script = readFileSync(new URL('../../ui/start.js', import.meta.url), 'utf8');

it('is served without a token, under a policy that lets nothing foreign or inline run', async () => {
  await using rig = await ApiRig.open();
  for (const [path, type] of [['/', 'text/html'], ['/start.js', 'text/javascript'], ['/start.css', 'text/css'], ['/favicon.svg', 'image/svg+xml']] as const) {
    const { status, headers } = await rig.get(path, { token: null });
    expect(status, path).toBe(200);
    expect(headers.get('content-type')).toContain(type);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    expect(headers.get('x-frame-options')).toBe('DENY');
  }
});

it('puts every text in as text', () => {
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:/i);
  expect(script).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/);
});
