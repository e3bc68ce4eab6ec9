import { isAbsolute, join, normalize } from 'node:path';
import { MillraceError } from '@millrace/vocabulary';

/** A repository whose branch is a dags folder. */
export interface GitSourceOptions {
  /** Of the bundle. */
  readonly name: string;
  readonly url: string;
  readonly branch: string;
  /** Within the repository; empty: all of it. */
  readonly folder: string;
}

/**
 * Reads texts `name=url#branch:folder`, e.g. `team=https://git.example.com/team/flows.git#main:dags`; branch and folder may be left out.
 * @throws MillraceError `invalid` for what cannot be, or a URL with a password in it: it would be shown with every error
 */
export function gitSources(texts: readonly string[]): GitSourceOptions[] {
  return texts.map((text) => {
    const refuse = (why: string): never => {
      throw new MillraceError('invalid', `dag_processor.git: ${JSON.stringify(shownUrl(text))} ${why}; expected name=url#branch:folder, e.g. team=https://git.example.com/team/flows.git#main:dags`);
    };
    const [, name, rest] = /^([\w.-]+)=(\S+)$/.exec(text.trim()) ?? [];
    if (name === undefined || rest === undefined) return refuse('has another form');
    const hash = rest.indexOf('#');
    const url = hash < 0 ? rest : rest.slice(0, hash);
    const [branch = '', folder = ''] = hash < 0 ? [] : rest.slice(hash + 1).split(':', 2);
    if (!/^(https?|ssh|git|file):\/\/\S+$/.test(url) && !isAbsolute(url) && !/^[\w.-]+@[\w.-]+:\S+$/.test(url)) return refuse('names no repository: https://, ssh://, git://, file://, user@host:path or an absolute path');
    if (/^\w+:\/\/[^/@]*:[^/@]*@/.test(url)) return refuse('holds a password; give it by dag_processor.git_token (MILLRACE__DAG_PROCESSOR__GIT_TOKEN_FILE names a file)');
    if (branch !== '' && (!/^[\w./-]+$/.test(branch) || branch.startsWith('-') || branch.includes('..'))) return refuse(`names an unusable branch "${branch}"`);
    const inside = normalize(folder === '' ? '.' : folder);
    if (isAbsolute(inside) || inside.startsWith('..')) return refuse(`names a folder outside of the repository, "${folder}"`);
    return { name, url, branch: branch === '' ? 'HEAD' : branch, folder: inside === '.' ? '' : inside };
  });
}

/** Without a password. */
export function shownUrl(text: string): string {
  return text.replace(/(\w+:\/\/)[^/@\s]*@/g, '$1***@');
}

/** Where a source's checked out folder is found, whatever commit it is at. */
export function checkedOutFolder(home: string, { name, folder }: GitSourceOptions): string {
  return join(home, name, 'current', folder);
}
