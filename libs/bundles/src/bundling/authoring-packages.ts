import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
/** Running from a build, bundle the build; running from source (tests), bundle the source. */
const FROM_SOURCE = import.meta.url.endsWith('.ts');

/** What dag files import of Millrace. Always the installation's own, wherever the dag file lies: the runner speaks its version. */
const AUTHORING = ['sdk', 'operators', 'vocabulary'] as const;

export interface AuthoringPackage {
  /** e.g. `@millrace/sdk`. */
  readonly name: string;
  readonly folder: string;
  /** The module to bundle. */
  readonly entry: string;
}

/** @throws Error naming the package that is not installed beside this one */
export function authoringPackages(): ReadonlyMap<string, AuthoringPackage> {
  return new Map(AUTHORING.map((short) => {
    const name = `@millrace/${short}`;
    const folder = (createRequire(import.meta.url).resolve.paths(name) ?? []).map((modules) => join(modules, name)).find((candidate) => existsSync(join(candidate, 'package.json')));
    if (folder === undefined) throw new Error(`${name} is not installed beside @millrace/bundles (looked up from ${here})`);
    const real = realpathSync(folder);
    const built = join(real, 'dist', 'index.js');
    const source = join(real, 'src', 'index.ts');
    const entry = FROM_SOURCE && existsSync(source) ? source : existsSync(built) ? built : source;
    return [name, { name, folder: real, entry }];
  }));
}

/** Where packages are looked for when the dag file's own folders have none, e.g. for dags in $MILLRACE_HOME. */
export const INSTALLATION_FOLDER = here;
