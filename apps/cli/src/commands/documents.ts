import { readFileSync } from 'node:fs';
import { readDagFile } from '@millrace/contracts';
import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { printable, renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const DOCUMENTS = '/api/millrace/v1/dag-documents';
const COLUMNS = ['dag_id', 'revision', 'state', 'created_by', 'created_at'];
const EXIT_REFUSED = 1;
const YAML = 'application/yaml';

export async function listDocuments(options: OutputOptions): Promise<void> {
  print(await renderRows(await ApiClient.fromEnvironment().list(DOCUMENTS, 'dag_documents'), COLUMNS, options.output));
}

export async function showDocument(dagId: string): Promise<void> {
  const { content } = await ApiClient.fromEnvironment().get(`${DOCUMENTS}/${encodeURIComponent(dagId)}`);
  print(String(content));
}

export async function putDocument(file: string, options: OutputOptions & { readonly ifMatch?: number }): Promise<number> {
  const text = textOf(file);
  const reading = readDagFile(text);
  if (!reading.ok) return refused(file, reading.problems.map((problem) => ({ ...problem })));
  const headers = { 'if-match': options.ifMatch === undefined ? '*' : `"${options.ifMatch}"` };
  const answer = await ApiClient.fromEnvironment().sendAs<Row>('PUT', `${DOCUMENTS}/${encodeURIComponent(reading.file.dag)}?wait=60`, { body: text, type: YAML, headers });
  if (answer['state'] === 'checking') tell('no dag-processor has checked it yet; it becomes active when one has');
  print(await renderRows([answer], COLUMNS, options.output));
  return 0;
}

export async function validateDocument(file: string, _options: OutputOptions): Promise<number> {
  const answer = await ApiClient.fromEnvironment().sendAs<{ valid: boolean; problems: Row[] }>('POST', `${DOCUMENTS}/validate?wait=60`, { body: textOf(file), type: YAML });
  if (!answer.valid) return refused(file, answer.problems);
  print(`${file}: nothing is wrong with it\n`);
  return 0;
}

export async function deleteDocument(dagId: string, options: { readonly ifMatch?: number }): Promise<void> {
  await ApiClient.fromEnvironment().sendAs('DELETE', `${DOCUMENTS}/${encodeURIComponent(dagId)}`, options.ifMatch === undefined ? {} : { headers: { 'if-match': `"${options.ifMatch}"` } });
  tell(`${dagId}: deleted`);
}

/** On standard error, as compilers do. */
export function refused(file: string, problems: readonly Readonly<Record<string, unknown>>[]): number {
  for (const problem of problems) tell(problemText(file, problem));
  return EXIT_REFUSED;
}

function problemText(file: string, { path, message, line, column }: Readonly<Record<string, unknown>>): string {
  const text = String(message);
  // What a dag-processor says begins with the place already.
  if (/^\S+:\d+(:\d+)?: /.test(text)) return text.split('\n').map(printable).join('\n');
  const place = Number(line ?? 0) > 0 ? `:${String(line)}${Number(column ?? 0) > 0 ? `:${String(column)}` : ''}` : '';
  return `${file}${place}: ${path === undefined || path === '' ? '' : `${String(path)}: `}${text.split('\n').map(printable).join('\n')}`;
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new MillraceError('bad_request', `${file} cannot be read: ${(error as Error).message}`);
  }
}
