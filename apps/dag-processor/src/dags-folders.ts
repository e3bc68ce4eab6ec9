import { join, resolve } from 'node:path';
import { pluginFoldersOf } from '@millrace/bundles';
import type { DagsFolder } from '@millrace/bundles';
import { MillraceError } from '@millrace/vocabulary';
import { checkedOutFolder } from './git/git-sources.js';
import type { GitSourceOptions } from './git/git-sources.js';

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

/** The folders, and those of repositories. @throws MillraceError `invalid` for a name used twice */
export function withSources(folders: readonly DagsFolder[], sources: readonly GitSourceOptions[], gitFolder: string, home: string, pluginsFolder = ''): DagsFolder[] {
  const all = [...folders];
  for (const source of sources) {
    if (all.some((folder) => folder.name === source.name)) throw new MillraceError('invalid', `dag_processor.git: the name "${source.name}" is used twice, also in dag_processor.folders`);
    const path = checkedOutFolder(gitFolder, source);
    // Plugins lie in the repository, beside the dags or above them.
    all.push({ name: source.name, path, pluginFolders: [...new Set([join(path, 'plugins'), join(gitFolder, source.name, 'current', 'plugins'), ...pluginFoldersOf(path, home, pluginsFolder)])] });
  }
  return all;
}
