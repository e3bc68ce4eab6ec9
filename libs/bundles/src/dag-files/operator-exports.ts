import { build } from 'esbuild';
import { authoringPackages } from '../bundling/authoring-packages.js';

let known: Promise<readonly string[]> | null = null;

/** Names of the operator classes this installation has: what `@millrace/operators` exports, sorted. */
export function operatorExports(): Promise<readonly string[]> {
  known ??= read();
  return known;
}

async function read(): Promise<readonly string[]> {
  const entry = authoringPackages().get('@millrace/operators')?.entry;
  if (entry === undefined) throw new Error('@millrace/operators is not installed');
  const { metafile } = await build({ entryPoints: [entry], bundle: true, write: false, metafile: true, format: 'esm', platform: 'node', packages: 'external', outfile: 'operators.mjs', logLevel: 'silent', tsconfigRaw: '{}' });
  const [output] = Object.values(metafile.outputs);
  return (output?.exports ?? []).filter((name) => /^[A-Z]\w*(Operator|Sensor)$/.test(name)).sort();
}
