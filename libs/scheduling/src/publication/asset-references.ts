import type { AssetDocument, DagDocument } from '@millrace/contracts';
import { leavesOf } from '@millrace/engine';
import type { AliasReference, AssetReference, DagAssets, WatcherReference } from '@millrace/persistence';

type AssetUse = AssetReference['kind'];

/** Everything a dag has to do with assets: what it waits for, reads, writes, and has watched. */
export function dagAssets(document: DagDocument): DagAssets {
  const assets: AssetReference[] = [];
  const aliases: AliasReference[] = [];
  const watchers = new Map<string, WatcherReference>();
  const use = (asset: AssetDocument, kind: AssetUse, taskId: string): void => {
    assets.push({ name: asset.name, uri: asset.uri, group: asset.group, extra: asset.extra, kind, taskId });
    for (const watcher of asset.watchers) {
      const { name, kind: watched, ...config } = watcher;
      watchers.set(`${asset.name}\n${asset.uri}\n${name}`, { assetName: asset.name, assetUri: asset.uri, name, kind: watched, config });
    }
  };
  const { schedule } = document;
  if (schedule?.kind === 'assets' || schedule?.kind === 'assetsOrTime' || schedule?.kind === 'partitionedAssets') {
    const leaves = leavesOf(schedule.condition);
    for (const asset of leaves.assets) use(asset as AssetDocument, 'schedule', '');
    for (const alias of leaves.aliases) aliases.push({ name: alias.name, group: (alias as { group?: string }).group ?? 'asset', kind: 'schedule', taskId: '' });
  }
  for (const task of document.tasks) {
    for (const inlet of task.inlets) use(inlet, 'inlet', task.taskId);
    for (const outlet of task.outlets) use(outlet, 'outlet', task.taskId);
    for (const alias of task.inletAliases) aliases.push({ ...alias, kind: 'inlet', taskId: task.taskId });
    for (const alias of task.outletAliases) aliases.push({ ...alias, kind: 'outlet', taskId: task.taskId });
  }
  const partitionedAssets = schedule?.kind === 'partitionedAssets' ? { condition: schedule.condition, mappers: schedule.mappers, defaultMapper: schedule.defaultMapper } : null;
  return { assets, aliases, watchers: [...watchers.values()], partitionedAssets };
}

/** One name for two places, or one place under two names: within one dag that is a slip of the pen. */
export function assetProblems(document: DagDocument): readonly string[] {
  const byName = new Map<string, string>();
  const problems = new Set<string>();
  for (const { name, uri } of dagAssets(document).assets) {
    const known = byName.get(name);
    if (known !== undefined && known !== uri) problems.add(`asset "${name}" stands for two places, ${known} and ${uri}; give the second another name`);
    byName.set(name, known ?? uri);
  }
  return [...problems];
}
