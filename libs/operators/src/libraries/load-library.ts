/** The runner offers the installation's packages under this name; see `offer-libraries.ts` in libs/execution. */
const OFFERED = Symbol.for('millrace.libraries');

type Import = (name: string) => Promise<unknown>;

/**
 * Imports a large package when a task needs it, from where Millrace is installed: a dag's bundle lies in a folder without packages, and
 * must not carry a database driver for each dag that uses one.
 * @throws Error saying who needs which package, and where it is to be installed
 */
export async function loadLibrary<Library>(name: string, neededBy: string): Promise<Library> {
  const offered = (globalThis as { [OFFERED]?: Import })[OFFERED];
  // A name that is not written out: a bundler leaves the import as it is.
  const load: Import = offered ?? ((wanted) => import(/* @vite-ignore */ wanted) as Promise<unknown>);
  try {
    return (await load(name)) as Library;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new Error(`${neededBy} needs the package "${name}", which is not installed beside Millrace on this worker; install Millrace with its dependencies there`, { cause: error });
  }
}
