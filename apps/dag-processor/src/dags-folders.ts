import { resolve } from 'node:path';
import { pluginFoldersOf } from '@millrace/bundles';
import type { DagsFolder } from '@millrace/bundles';
import { MillraceError } from '@millrace/vocabulary';

/** Reads `name=path` texts. @throws MillraceError `invalid` for a text of another form or a name used twice */
export function dagsFolders(texts: readonly string[], home: string, pluginsFolder = ''): DagsFolder[] {
  const folders = texts.map((text) => {
    const [, name, path] = /^([\w.-]+)=(.+)$/.exec(text.trim()) ?? [];
    if (name === undefined || path === undefined) throw new MillraceError('invalid', `dag_processor.folders: "${text}" must be name=path, e.g. dags=/srv/dags`);
    return { name, path: resolve(path), pluginFolders: pluginFoldersOf(resolve(path), home, pluginsFolder) };
  });
  const twice = folders.find((folder, index) => folders.findIndex((other) => other.name === folder.name) !== index);
  if (twice !== undefined) throw new MillraceError('invalid', `dag_processor.folders: the name "${twice.name}" is used twice`);
  return folders;
}
