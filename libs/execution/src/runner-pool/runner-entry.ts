import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '@millrace/vocabulary';

/** The built entry of runner processes. When this lib runs from source (tests), the build beside it is used. */
export function runnerEntry(): string {
  for (const relative of ['../runner/runner-main.js', '../../dist/runner/runner-main.js']) {
    const file = fileURLToPath(new URL(relative, import.meta.url));
    if (existsSync(file)) return file;
  }
  throw new MillraceError('unavailable', 'the runner is not built: run `npm run build`');
}
