import { writeFileSync } from 'node:fs';
import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Json, Row } from '../client/api-client.js';
import { withName } from '../client/names.js';
import { importInBulk } from '../files/import-in-bulk.js';
import type { OnExisting } from '../files/import-in-bulk.js';
import { formatOf, readSettings, settingsText } from '../files/settings-file.js';
import { teamOf, tellOfTeams } from '../files/team-of.js';
import type { FileFormat } from '../files/settings-file.js';
import { renderOne, renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const PATH = '/api/v2/variables';
const COLUMNS = ['key', 'value', 'description', 'team_name'];

export async function listVariables(options: OutputOptions): Promise<void> {
  print(await renderRows(await ApiClient.fromEnvironment().list(PATH, 'variables', { order_by: 'key' }), COLUMNS, options.output));
}

/** The value alone, so that `$(millrace variables get key)` is it; with -o the whole entry. */
export async function showVariable(key: string, options: { readonly output?: OutputOptions['output']; readonly default?: string; readonly json?: boolean }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  try {
    const variable = await withName(api, { path: PATH, list: 'variables', key: 'key', what: 'variable' }, key, () => api.get(pathOf(key)));
    const text = String(variable['value'] ?? '');
    if (options.output === undefined && options.json === true) return print(`${JSON.stringify(parsedJson(key, text), null, 2)}\n`);
    print(options.output === undefined ? `${text}\n` : await renderOne(variable, COLUMNS, options.output));
  } catch (error) {
    if (options.default === undefined || !(error instanceof MillraceError) || error.code !== 'not_found') throw error;
    print(`${options.default}\n`);
  }
}

export async function setVariable(key: string, value: string, options: OutputOptions & { readonly description?: string; readonly teamName?: string; readonly json?: boolean }): Promise<void> {
  if (options.json === true) parsedJson(key, value);
  const api = ApiClient.fromEnvironment();
  const body = { key, value, ...(options.description === undefined ? {} : { description: options.description }), ...teamOf(options) };
  let kept: Row;
  try {
    kept = await api.post(PATH, body);
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'conflict') throw error;
    kept = await api.patch(pathOf(key), body);
  }
  print(await renderOne(kept, COLUMNS, options.output));
}

export async function deleteVariable(key: string): Promise<void> {
  const api = ApiClient.fromEnvironment();
  await withName(api, { path: PATH, list: 'variables', key: 'key', what: 'variable' }, key, () => api.delete(pathOf(key)));
  tell(`variable ${key} is deleted`);
}

/** `{"key": value}`, or `{"key": {"value": …, "description": …, "team_name": …}}`; what is no text is kept as its JSON, as in Airflow. */
export async function importVariables(file: string, options: { readonly actionOnExistingKey: OnExisting; readonly format?: FileFormat }): Promise<number> {
  const entries = await readSettings(file, formatOf(file, options.format));
  const entities = [...entries].map(([key, entry]): Row => {
    const isDescribed = typeof entry === 'object' && entry !== null && 'value' in entry && Object.keys(entry).every((name) => name === 'value' || name === 'description' || name === 'team_name');
    const { value, description, team_name } = (isDescribed ? entry : { value: entry }) as { value: unknown; description?: unknown; team_name?: unknown };
    return { key, value: typeof value === 'string' ? value : JSON.stringify(value), ...(typeof description === 'string' ? { description } : {}), ...(typeof team_name === 'string' ? { team_name } : {}) };
  });
  return importInBulk(ApiClient.fromEnvironment(), PATH, 'variables', entities, options.actionOnExistingKey);
}

export async function exportVariables(file: string, options: { readonly format?: FileFormat }): Promise<void> {
  const format = formatOf(file, options.format);
  const rows = await ApiClient.fromEnvironment().list(PATH, 'variables', { order_by: 'key' });
  const hidden = rows.filter((row) => row['value'] === '***').map((row) => String(row['key']));
  const entry = (row: Row): Json => (format === 'env' || ((row['description'] ?? '') === '' && row['team_name'] == null) ? (row['value'] ?? '') : { value: row['value'] ?? '', description: row['description'] ?? '', ...(row['team_name'] == null ? {} : { team_name: row['team_name'] }) });
  const text = await settingsText(new Map(rows.filter((row) => row['value'] !== '***').map((row) => [String(row['key']), entry(row)])), format);
  if (file === '-') print(text);
  else writeFileSync(file, text, { mode: 0o600 });
  if (format === 'env') tellOfTeams(rows);
  if (hidden.length > 0) tell(`left out, because the api does not tell their values: ${hidden.join(', ')}`);
  tell(`${rows.length - hidden.length} variables exported${file === '-' ? '' : ` to ${file}`}`);
}

function parsedJson(key: string, text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new MillraceError('bad_request', `the value of ${key} is not JSON: ${(error as Error).message}`);
  }
}

function pathOf(key: string): string {
  return `${PATH}/${encodeURIComponent(key)}`;
}
