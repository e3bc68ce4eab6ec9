// Writes src/arrows/arrow-table.ts from the engine's table of arrows. Needs the build: `npx tsc -b libs/engine`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUN_NEXT, storedArrows } from '../engine/dist/index.js';

const line = (row) => `  ${JSON.stringify(row).replaceAll('"', "'").replaceAll(',', ', ').replaceAll(':', ': ')},\n`;
const text = `/* Written by write-arrow-table.mjs from the engine's NEXT: change that, build it, and write this anew. */

export interface ArrowRow {
  readonly from: string;
  readonly hadAttempt: boolean;
  readonly attempt: 'kept' | 'new' | 'dropped';
  readonly to: readonly string[];
}

export const INSTANCE_ARROWS: readonly ArrowRow[] = [
${storedArrows().map((row) => line([row.from, row.hadAttempt, row.attempt, row.to])).map((text) => text.replace(/^ {2}\['(\w+)', (true|false), '(\w+)', (.*)\],\n$/, "  { from: '$1', hadAttempt: $2, attempt: '$3', to: $4 },\n")).join('')}];

export const RUN_ARROWS: readonly { readonly from: string; readonly to: readonly string[] }[] = [
${Object.entries(RUN_NEXT).map(([from, to]) => `  { from: '${from}', to: [${to.map((state) => `'${state}'`).join(', ')}] },\n`).join('')}];
`;
writeFileSync(join(import.meta.dirname, 'src', 'arrows', 'arrow-table.ts'), text);
