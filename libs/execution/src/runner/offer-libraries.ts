/**
 * Lets operators import the installation's packages: a bundle's own folder has none, and database drivers and clouds' SDKs must not
 * travel in every bundle. The name is a promise to `load-library.ts` in libs/operators, of whatever version a bundle carries.
 */
export function offerLibraries(): void {
  Object.defineProperty(globalThis, Symbol.for('millrace.libraries'), { value: (name: string) => import(name) as Promise<unknown>, configurable: true });
}
