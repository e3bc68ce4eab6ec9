import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the checkout, found from this file upwards: the tests run from source and from `test/dist`. */
export const REPOSITORY_ROOT = find(dirname(fileURLToPath(import.meta.url)));

function find(folder: string): string {
  if (existsSync(join(folder, 'nx.json')) && existsSync(join(folder, 'apps'))) return folder;
  if (dirname(folder) === folder) throw new Error('the checkout (a folder with nx.json and apps/) is not above this file');
  return find(dirname(folder));
}
