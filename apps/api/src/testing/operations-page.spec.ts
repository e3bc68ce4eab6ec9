import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { OPERATIONS } from '../rest/openapi/operations.js';
import { driversOf, operationsPage } from './operations-page.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PAGE = `${ROOT}docs/users/rest-operations.md`;

it('what docs/users/rest-operations.md names drives each operation (MILLRACE_WRITE_PAGES=1 writes it anew)', () => {
  const now = operationsPage(ROOT);
  if (process.env['MILLRACE_WRITE_PAGES'] === '1') writeFileSync(PAGE, now);
  const [told, real] = [driversOf(readFileSync(PAGE, 'utf8')), driversOf(now)];
  expect([...told.keys()].sort()).toEqual(Object.keys(OPERATIONS).sort());
  // Specs that were added since may be missing from the page; what it names must be so.
  const untrue = [...told].flatMap(([id, drivers]) => drivers.filter((driver) => !real.get(id)?.includes(driver)).map((driver) => `${id}: ${driver}`));
  expect(untrue).toEqual([]);
  expect([...told].filter(([, drivers]) => drivers.length === 0).map(([id]) => id), 'driven by nothing').toEqual([]);
});
