import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { packFolder } from '../deploy/pack-folder.js';
import type { PackedFile } from '../deploy/pack-folder.js';
import { renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';
import { refused } from './documents.js';

const BUNDLES = '/api/millrace/v1/bundles';
const COLUMNS = ['revision', 'state', 'files', 'note', 'created_by', 'created_at', 'activated_at'];
const UPLOADS_AT_ONCE = 6;
const WAIT_SECONDS = 20;
const EXIT_REFUSED = 1;

export interface DeployOptions extends OutputOptions {
  readonly bundle?: string;
  readonly note?: string;
  readonly check?: boolean;
  readonly timeout: number;
}

/** Packs, checks here what can be checked here, uploads what is new, has it checked by a dag-processor, and says what changed. */
export async function deploy(folder: string, options: DeployOptions): Promise<number> {
  const path = dagsFolderOf(resolve(folder));
  const bundle = options.bundle ?? (basename(path) === 'dags' ? basename(resolve(path, '..')) : basename(path));
  const packed = await packFolder(path);
  if (packed.failures.length > 0) {
    for (const text of packed.failures) tell(text);
    tell(`${packed.failures.length} of ${packed.dagFiles} dag files cannot be used; nothing was changed`);
    return EXIT_REFUSED;
  }
  if (packed.dagFiles === 0) throw new MillraceError('bad_request', `${folder} holds no dag file: *.ts that import dag from @millrace/sdk, *.dag.yaml or *.dag.json`);
  const api = ApiClient.fromEnvironment();
  const begun = await api.post(`${BUNDLES}/${encodeURIComponent(bundle)}/deployments`, {
    files: packed.files.map(({ path, hash, content }) => ({ path, sha256: hash, size: content.length })), activate: options.check !== true, ...(options.note === undefined ? {} : { note: options.note }),
  });
  const revision = `${BUNDLES}/${encodeURIComponent(bundle)}/deployments/${String(begun['revision'])}`;
  const missing = new Set(begun['missing'] as string[]);
  const wanted = [...new Map(packed.files.filter((file) => missing.has(file.hash)).map((file) => [file.hash, file])).values()];
  await upload(api, bundle, wanted);
  tell(`${bundle}: revision ${String(begun['revision'])}, ${packed.files.length} files, ${wanted.length} uploaded`);
  await api.post(`${revision}/check`, {});
  const until = Date.now() + options.timeout * 1_000;
  let end: Row;
  do end = await api.get(revision, { wait: Math.max(1, Math.min(WAIT_SECONDS, Math.ceil((until - Date.now()) / 1_000))) });
  while (end['state'] === 'checking' && Date.now() < until);
  if (end['state'] === 'checking') throw new MillraceError('unavailable', `no dag-processor has checked revision ${String(begun['revision'])} within ${options.timeout} s; is one running? It becomes active when one has`);
  if (end['state'] === 'refused') {
    for (const problem of end['problems'] as Row[]) refused(String(problem['file'] === '' || problem['file'] === undefined ? folder : problem['file']), [problem]);
    tell('refused; nothing was changed');
    return EXIT_REFUSED;
  }
  if (options.output !== 'table') print(await renderRows([end], COLUMNS, options.output));
  else print(changesText(bundle, end, options.check === true));
  return 0;
}

/** A project with `dags` and `plugins` side by side is deployed as such: its plugins lie beside its dags, not within. */
function dagsFolderOf(path: string): string {
  const isProject = basename(path) !== 'dags' && existsSync(join(path, 'dags')) && existsSync(join(path, 'plugins'));
  return isProject ? join(path, 'dags') : path;
}

export async function listDeployments(bundle: string | undefined, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  if (bundle === undefined) return print(await renderRows(await api.list(BUNDLES, 'bundles'), ['bundle', 'active_revision', 'last_revision'], options.output));
  print(await renderRows(await api.list(`${BUNDLES}/${encodeURIComponent(bundle)}/deployments`, 'deployments'), COLUMNS, options.output));
}

export async function rollBack(bundle: string, options: OutputOptions & { readonly revision?: number }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const path = `${BUNDLES}/${encodeURIComponent(bundle)}`;
  const answer = await api.post(options.revision === undefined ? `${path}/rollback` : `${path}/deployments/${options.revision}/activate`, {});
  if (options.output !== 'table') print(await renderRows([answer], COLUMNS, options.output));
  else print(changesText(bundle, answer, false));
}

export async function undeploy(bundle: string): Promise<void> {
  await ApiClient.fromEnvironment().delete(`${BUNDLES}/${encodeURIComponent(bundle)}`);
  tell(`${bundle}: its dags are gone; their runs and history stay`);
}

function changesText(bundle: string, deployment: Row, isOnlyChecked: boolean): string {
  const { added, changed, removed } = (deployment['changes'] ?? { added: [], changed: [], removed: [] }) as Record<'added' | 'changed' | 'removed', string[]>;
  const lines = [...added.map((dagId) => `+ ${dagId}`), ...changed.map((dagId) => `~ ${dagId}`), ...removed.map((dagId) => `- ${dagId}`)];
  const state = isOnlyChecked ? 'can be deployed' : 'is active';
  return `${[`${bundle} revision ${String(deployment['revision'])} ${state}: ${added.length} dags added, ${changed.length} changed, ${removed.length} removed`, ...lines].join('\n')}\n`;
}

async function upload(api: ApiClient, bundle: string, files: readonly PackedFile[]): Promise<void> {
  const queue = files.values();
  const lane = async (): Promise<void> => {
    for (const { hash, content } of queue) await api.sendAs('PUT', `${BUNDLES}/${encodeURIComponent(bundle)}/files/${hash}`, { body: content, type: 'application/octet-stream' });
  };
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, lane));
}
