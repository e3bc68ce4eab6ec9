// Writes docs/operators/configuration.md from the option table. Needs the build: `npx tsc -b libs/configuration`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { configurationPage } from './dist/index.js';

const page = join(import.meta.dirname, '..', '..', 'docs', 'operators', 'configuration.md');
mkdirSync(dirname(page), { recursive: true });
writeFileSync(page, configurationPage());
