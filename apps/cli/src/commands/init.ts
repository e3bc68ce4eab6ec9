import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MillraceError } from '@millrace/vocabulary';
import { writeAuthoringPackages } from '../init/authoring-packages.js';
import { projectFiles } from '../init/project-files.js';
import { print } from '../output/terminal.js';

export const AUTHORING_VERSION = '0.1.0';
const PACKAGES = ['sdk', 'operators'] as const;

/** A folder with a dag, a plugin, a test and what editors need; or, with `update`, newer packages for one that is there. */
export async function initProject(folder: string, { update }: { readonly update?: boolean }): Promise<void> {
  const project = resolve(folder);
  if (update === true) {
    if (!existsSync(join(project, '.millrace'))) throw new MillraceError('not_found', `${project} is no project that millrace init has made: it has no folder .millrace`);
    await writePackages(project);
    return print(`The packages in ${join(folder, '.millrace')} are those of this Millrace now.\n`);
  }
  if (existsSync(project) && readdirSync(project).length > 0) throw new MillraceError('conflict', `${project} is not empty; name a new folder, or renew the packages of a project with --update`);
  const files = projectFiles(basename(project));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  }
  await writePackages(project);
  print(`${Object.keys(files).map((path) => `  ${join(folder, path)}`).join('\n')}\n\nNext:\n  cd ${folder}\n  npm install && npm test\n`);
}

/** Written beside and put in place at once, so that an editor never sees half of them. */
async function writePackages(project: string): Promise<void> {
  mkdirSync(project, { recursive: true });
  const made = mkdtempSync(join(project, '.millrace-new-'));
  try {
    await writeAuthoringPackages(made, AUTHORING_VERSION);
    rmSync(join(project, '.millrace'), { recursive: true, force: true });
    renameSync(made, join(project, '.millrace'));
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  // As npm install links them: an editor and the tests find them before it has run.
  const scope = join(project, 'node_modules', '@millrace');
  mkdirSync(scope, { recursive: true });
  for (const name of PACKAGES) {
    if (lstatSync(join(scope, name), { throwIfNoEntry: false }) === undefined) symlinkSync(join('..', '..', '.millrace', name), join(scope, name));
  }
}

/** The same packages for a registry: one folder each, ready for `npm pack` or `npm publish`. */
export async function packSdk(folder: string): Promise<void> {
  const out = resolve(folder);
  mkdirSync(out, { recursive: true });
  await writeAuthoringPackages(out, AUTHORING_VERSION);
  print(`${PACKAGES.map((name) => `${join(folder, name)}  @millrace/${name} ${AUTHORING_VERSION}`).join('\n')}\n`);
}
