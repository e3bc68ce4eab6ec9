import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '@millrace/vocabulary';

/** An api somebody logged in to. The password is not kept. */
export interface Profile {
  readonly url: string;
  readonly username: string;
  readonly token: string;
}

interface Kept {
  readonly current: string | null;
  readonly profiles: Readonly<Record<string, Profile>>;
}

/** Who is logged in where, in `$MILLRACE_HOME/cli-profiles.json` (mode 0600). */
export class Profiles {
  readonly #file: string;

  constructor(private readonly home: string) {
    this.#file = join(home, 'cli-profiles.json');
  }

  get current(): string | null {
    return this.#read().current;
  }

  get all(): ReadonlyMap<string, Profile> {
    return new Map(Object.entries(this.#read().profiles));
  }

  /** The named one, else the current one; null when nobody logged in. @throws MillraceError for a name that is not there */
  chosen(name: string | undefined): (Profile & { readonly name: string }) | null {
    const { current, profiles } = this.#read();
    const wanted = name || current;
    if (wanted === null || wanted === undefined) return null;
    const found = Object.hasOwn(profiles, wanted) ? profiles[wanted] : undefined;
    if (found !== undefined) return { ...found, name: wanted };
    throw new MillraceError('bad_request', `no profile ${JSON.stringify(wanted)} (MILLRACE_PROFILE); there are ${Object.keys(profiles).join(', ') || 'none'}. Make it with: millrace login URL --profile ${wanted}`);
  }

  keep(name: string, profile: Profile): void {
    const { profiles } = this.#read();
    this.#write({ current: name, profiles: { ...profiles, [name]: profile } });
  }

  use(name: string | null): void {
    const kept = this.#read();
    if (name !== null && !Object.hasOwn(kept.profiles, name)) throw new MillraceError('not_found', `no profile ${JSON.stringify(name)}; there are ${Object.keys(kept.profiles).join(', ') || 'none'}`);
    this.#write({ ...kept, current: name });
  }

  forget(name: string): void {
    const { current, profiles } = this.#read();
    if (!Object.hasOwn(profiles, name)) throw new MillraceError('not_found', `no profile ${JSON.stringify(name)}; there are ${Object.keys(profiles).join(', ') || 'none'}`);
    this.#write({ current: current === name ? null : current, profiles: Object.fromEntries(Object.entries(profiles).filter(([each]) => each !== name)) });
  }

  #read(): Kept {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: null, profiles: {} };
      throw new MillraceError('bad_request', `${this.#file} can't be read: ${(error as Error).message}`);
    }
    try {
      const kept = JSON.parse(text) as Partial<Kept>;
      return { current: kept.current ?? null, profiles: kept.profiles ?? {} };
    } catch {
      throw new MillraceError('bad_request', `${this.#file} is no JSON any more; delete it and log in again`);
    }
  }

  #write(kept: Kept): void {
    mkdirSync(this.home, { recursive: true });
    // Made anew, so that a file somebody made readable for others does not stay so.
    rmSync(this.#file, { force: true });
    writeFileSync(this.#file, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
    chmodSync(this.#file, 0o600);
  }
}
