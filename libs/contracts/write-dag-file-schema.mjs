// Writes dag-file.schema.json, the published JSON Schema of dag files, from what the built package says. Build first: npx tsc -b libs/contracts
import { writeFileSync } from 'node:fs';
import { dagFileJsonSchema } from './dist/index.js';

writeFileSync(new URL('dag-file.schema.json', import.meta.url), `${JSON.stringify(dagFileJsonSchema(), null, 2)}\n`);
