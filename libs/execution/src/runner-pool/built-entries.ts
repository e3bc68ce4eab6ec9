import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '@millrace/vocabulary';

/** Programs a worker starts. */
export interface ChildEntries {
  readonly runner: string;
  readonly guardian: string;
}

/** The built entries. When this lib runs from source (tests), the build beside it is used. */
export function builtEntries(): ChildEntries {
  return { runner: built('runner/runner-main.js'), guardian: built('runner-guardian/guardian-main.js') };
}

function built(name: string): string {
  for (const relative of [`../${name}`, `../../dist/${name}`]) {
    const file = fileURLToPath(new URL(relative, import.meta.url));
    if (existsSync(file)) return file;
  }
  throw new MillraceError('unavailable', `${name} is not built: run \`npm run build\``);
}
