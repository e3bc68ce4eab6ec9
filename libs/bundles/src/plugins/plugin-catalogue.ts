import { readFile, stat } from 'node:fs/promises';
import type { PluginDocument } from '@millrace/contracts';
import { bundleFile } from '../bundling/bundle-file.js';
import type { Bundle } from '../bundling/bundle-file.js';
import type { AttachedPlugin } from '../bundling/bundle-request.js';
import type { Evaluator } from '../evaluation/evaluator.js';
import { importFailure } from '../import-errors/import-failure.js';
import type { ImportFailure } from '../import-errors/import-failure.js';
import { findPlugins } from './find-plugins.js';
import type { PluginModule } from './find-plugins.js';

/** What a module of a plugins folder is now. */
export interface FoundPlugin {
  readonly source: string;
  readonly file: string;
  readonly result: { readonly ok: true; readonly document: PluginDocument; /** Of a plugin with routes. */ readonly bundle: Bundle | null } | { readonly ok: false; readonly failure: ImportFailure };
}

interface Known {
  readonly stamps: ReadonlyMap<string, string>;
  readonly hash: string | null;
  readonly found: FoundPlugin;
}

/** Keeps an eye on the plugins of a dags folder. Broken ones are told of and left out; nothing here throws because of one. */
export class PluginCatalogue {
  private known = new Map<string, Known>();

  constructor(private readonly evaluator: Evaluator) {}

  /**
   * @param folders existing plugins folders
   * @param declaredOnly leave modules without `plugin(…)` for later: dag files do not depend on what they are called
   */
  async look(folders: readonly string[], declaredOnly: boolean): Promise<readonly FoundPlugin[]> {
    const modules = await findPlugins(folders);
    const now = new Map<string, Known>();
    for (const module of modules) {
      const before = this.known.get(module.source);
      if (declaredOnly && !(await isDeclared(module))) {
        if (before !== undefined) now.set(module.source, before);
        continue;
      }
      now.set(module.source, before !== undefined && (await isCurrent(before)) ? before : await this.process(module, folders, before));
    }
    this.known = now;
    return withoutDoubles([...now.values()].map(({ found }) => found).filter(({ result }) => !result.ok || givesSomething(result.document)));
  }

  private async process(module: PluginModule, pluginFolders: readonly string[], before: Known | undefined): Promise<Known> {
    const { source, file, root, path, folderName, fallbackName } = module;
    const bundled = await bundleFile({ root, path, pluginFolders, plugin: { folderName, fallbackName } });
    const stamps = await stampsOf([file, ...(bundled.ok ? bundled.bundle.inputs : [])]);
    if (!bundled.ok) return { stamps: new Map(), hash: null, found: { source, file, result: { ok: false, failure: bundled.failure } } };
    const { bundle } = bundled;
    if (before !== undefined && before.hash === bundle.hash) return { ...before, stamps };
    const evaluated = await this.evaluator.evaluatePlugin(bundle, `${folderName}/${path}`);
    const result: FoundPlugin['result'] = evaluated.ok ? { ok: true, document: evaluated.document, bundle: evaluated.document.routes.length > 0 ? bundle : null } : { ok: false, failure: evaluated.failure };
    return { stamps, hash: bundle.hash, found: { source, file, result } };
  }
}

/** Those that change dags: their listeners and links every one, their macros those that name them. */
export function attachedPlugins(found: readonly FoundPlugin[]): AttachedPlugin[] {
  return found.flatMap(({ file, result }) => {
    if (!result.ok) return [];
    const { name, listeners, links, macros } = result.document;
    const isForAll = listeners.length > 0 || links.length > 0;
    return isForAll || macros.length > 0 ? [{ name, file, isForAll }] : [];
  });
}

/** The first of a name counts; the others are told of, with both places. */
function withoutDoubles(all: readonly FoundPlugin[]): FoundPlugin[] {
  const first = new Map<string, FoundPlugin>();
  return all.map((plugin) => {
    if (!plugin.result.ok) return plugin;
    const { document } = plugin.result;
    const other = first.get(document.name);
    if (other === undefined) {
      first.set(document.name, plugin);
      return plugin;
    }
    const [place, otherPlace] = [placeOf(plugin), placeOf(other)];
    const [file = plugin.source, line] = place.split(':');
    const message = `the name "${document.name}" is taken: ${otherPlace} and ${place} are both plugin "${document.name}". The first counts; give this one another name`;
    return { ...plugin, result: { ok: false, failure: importFailure(message, { file, line: Number(line ?? 0) }) } };
  });
}

function placeOf({ source, result }: FoundPlugin): string {
  return result.ok ? (result.document.definedAt ?? source) : source;
}

/** A module that only helps others is no plugin. */
function givesSomething(document: PluginDocument): boolean {
  return document.isDeclared || document.operators.length + document.sensors.length + document.timetables.length > 0;
}

async function isDeclared({ file }: PluginModule): Promise<boolean> {
  return /\bplugin\s*\(/.test(await readFile(file, 'utf8').catch(() => ''));
}

async function isCurrent(known: Known): Promise<boolean> {
  if (known.stamps.size === 0) return false;
  for (const [file, stamp] of known.stamps) if ((await stampOf(file)) !== stamp) return false;
  return true;
}

async function stampsOf(files: readonly string[]): Promise<Map<string, string>> {
  return new Map(await Promise.all(files.map(async (file) => [file, await stampOf(file)] as const)));
}

async function stampOf(file: string): Promise<string> {
  const found = await stat(file).catch(() => null);
  return found === null ? 'gone' : `${found.size}:${found.mtimeMs}`;
}
