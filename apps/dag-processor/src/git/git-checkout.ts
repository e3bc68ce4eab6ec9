import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { shownUrl } from './git-sources.js';
import type { GitSourceOptions } from './git-sources.js';

const run = promisify(execFile);
/** A fetch that takes longer has hung. */
const COMMAND_MAX_MS = 300_000;
/** Besides the current one: what is being looked at while it is replaced. */
const OLDER_KEPT = 1;

export interface GitCredentials {
  /** For http(s); empty: none. */
  readonly username: string;
  readonly token: string;
  /** File with a private key, for ssh; empty: what ssh finds itself. */
  readonly sshKeyFile: string;
}

/** Why a repository could not be read, in a sentence that names it and holds no credential. */
export class GitFailure extends Error {
  override readonly name = 'GitFailure';
}

/**
 * The newest commit of a branch, as a folder. Every commit gets a folder of its own, and a link is swapped: who reads sees one commit or the
 * other. When a repository cannot be read, the folder stays as it was.
 */
export class GitCheckout {
  private readonly repository: string;
  private readonly commits: string;
  private readonly link: string;

  /** @param home folder of this source alone */
  constructor(private readonly home: string, private readonly source: GitSourceOptions, private readonly credentials: GitCredentials) {
    this.repository = join(home, 'repository.git');
    this.commits = join(home, 'commits');
    this.link = join(home, 'current');
  }

  /** The commit that is checked out; null: none yet. */
  async current(): Promise<string | null> {
    const target = await readlink(this.link).catch(() => null);
    return target === null ? null : basename(target);
  }

  /** Fetches, and checks out what is new. @returns the commit, and whether it is another one than before  @throws GitFailure */
  async update(signal: AbortSignal): Promise<{ readonly commit: string; readonly isNew: boolean }> {
    await mkdir(this.commits, { recursive: true });
    await this.git(['init', '--quiet', '--bare', this.repository], signal);
    const ref = this.source.branch === 'HEAD' ? 'HEAD' : `refs/heads/${this.source.branch}`;
    await this.git(['--git-dir', this.repository, 'fetch', '--quiet', '--depth', '1', '--no-tags', '--force', '--', this.source.url, `${ref}:refs/millrace/current`], signal);
    const commit = (await this.git(['--git-dir', this.repository, 'rev-parse', 'refs/millrace/current^{commit}'], signal)).trim();
    if (commit === (await this.current())) return { commit, isNew: false };
    await this.checkOut(commit, signal);
    return { commit, isNew: true };
  }

  private async checkOut(commit: string, signal: AbortSignal): Promise<void> {
    const folder = join(this.commits, commit);
    if ((await stat(folder).catch(() => null)) === null) {
      const making = join(this.home, `making-${randomBytes(6).toString('hex')}`);
      await mkdir(making);
      try {
        await this.git(['--git-dir', this.repository, '--work-tree', making, 'checkout', '--quiet', '--force', commit, '--', '.'], signal, { GIT_INDEX_FILE: `${making}.index` });
        if (this.source.folder !== '' && (await stat(join(making, this.source.folder)).catch(() => null))?.isDirectory() !== true) {
          throw new GitFailure(`commit ${commit.slice(0, 12)} of ${shownUrl(this.source.url)} has no folder "${this.source.folder}"`);
        }
        // Another dag-processor of this home may have been faster: then its folder is as good.
        await rename(making, folder).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
        });
      } finally {
        await rm(making, { recursive: true, force: true });
        await rm(`${making}.index`, { force: true });
      }
    }
    const next = `${this.link}-${randomBytes(6).toString('hex')}`;
    await symlink(join('commits', commit), next);
    await rename(next, this.link);
    await this.prune(commit);
  }

  private async prune(current: string): Promise<void> {
    const others = await Promise.all((await readdir(this.commits)).filter((name) => name !== current).map(async (name) => ({ name, at: (await stat(join(this.commits, name)).catch(() => null))?.ctimeMs ?? 0 })));
    for (const { name } of others.toSorted((a, b) => b.at - a.at).slice(OLDER_KEPT)) await rm(join(this.commits, name), { recursive: true, force: true });
  }

  /** Credentials travel by the environment: arguments can be seen by everybody on the machine. */
  private async git(args: readonly string[], signal: AbortSignal, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const { username, token, sshKeyFile } = this.credentials;
    const settings: [string, string][] = [
      // Nothing of the machine's own configuration, no protocol that runs commands, no link that leads out of the repository.
      ['protocol.allow', 'never'], ...['https', 'http', 'ssh', 'git', 'file'].map((name): [string, string] => [`protocol.${name}.allow`, 'always']),
      ['core.symlinks', 'false'], ['core.hooksPath', '/dev/null'], ['gc.auto', '0'], ['safe.directory', '*'], ['advice.detachedHead', 'false'],
    ];
    if (token !== '' && /^https?:\/\//.test(this.source.url)) settings.push([`http.${new URL(this.source.url).origin}/.extraHeader`, `Authorization: Basic ${Buffer.from(`${username}:${token}`).toString('base64')}`]);
    const env: Record<string, string> = {
      PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', HOME: this.home, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_SSH_COMMAND: `ssh -o BatchMode=yes${sshKeyFile === '' ? '' : ` -o IdentitiesOnly=yes -i '${sshKeyFile.replaceAll("'", `'\\''`)}'`}`,
      GIT_CONFIG_COUNT: String(settings.length), ...Object.fromEntries(settings.flatMap(([key, value], index) => [[`GIT_CONFIG_KEY_${index}`, key], [`GIT_CONFIG_VALUE_${index}`, value]])), ...more,
    };
    for (const name of ['SSH_AUTH_SOCK', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy', 'SSL_CERT_FILE', 'GIT_SSL_CAINFO']) if (process.env[name] !== undefined) env[name] = process.env[name];
    try {
      return (await run('git', [...args], { env, signal, timeout: COMMAND_MAX_MS, killSignal: 'SIGKILL', maxBuffer: 4 * 1_048_576 })).stdout;
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') throw error;
      throw new GitFailure(this.said(error as { code?: unknown; stderr?: unknown; killed?: boolean; message: string }));
    }
  }

  /** git's words as a sentence that says what to do. */
  private said(error: { code?: unknown; stderr?: unknown; killed?: boolean; message: string }): string {
    const url = shownUrl(this.source.url);
    if (error.code === 'ENOENT') return 'git is not installed on the machine of the dag-processor';
    if (error.killed === true) return `${url} did not answer within ${COMMAND_MAX_MS / 1_000} s`;
    const { token } = this.credentials;
    let text = shownUrl(typeof error.stderr === 'string' ? error.stderr.trim() : error.message);
    if (token !== '') text = text.replaceAll(token, '***');
    const last = text.split('\n').filter((line) => line !== '').slice(-3).join(' ');
    if (/couldn't find remote ref/i.test(text)) return `${url} has no branch "${this.source.branch}"`;
    if (/authentication failed|could not read username|permission denied|access denied|403|401/i.test(text)) return `${url} refused the credentials (dag_processor.git_token, git_username, git_ssh_key_file): ${last}`;
    if (/could not resolve host|connection refused|unable to connect|timed out|no route|does not appear to be a git repository|repository .* not found|unable to access/i.test(text)) return `${url} cannot be reached, or is no repository: ${last}`;
    return `${url} could not be read: ${last}`;
  }
}

/** The commit a file of such a folder is of; empty: it is of another folder. */
export function commitOf(file: string): string {
  return /\/commits\/([0-9a-f]{40,64})\//.exec(file)?.[1] ?? '';
}
