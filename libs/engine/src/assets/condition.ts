/**
 * When a dag that waits for assets runs. The JSON is Airflow's asset expression, and stands so in a dag document:
 * `{ any: [{ asset: { name, uri } }, { all: [{ alias: { name } }, …] }] }`.
 */
export type AssetCondition =
  | { readonly asset: { readonly name: string; readonly uri: string } }
  | { readonly alias: { readonly name: string } }
  | { readonly all: readonly AssetCondition[] }
  | { readonly any: readonly AssetCondition[] };

/** What has happened since the last run: whether an event counts for this asset, or came through this alias. */
export interface AssetsUpdated {
  asset(name: string, uri: string): boolean;
  alias(name: string): boolean;
}

/** An empty `all` and an empty `any` are never met: a dag that waits for nothing would run for ever. */
export function isConditionMet(condition: AssetCondition, updated: AssetsUpdated): boolean {
  if ('asset' in condition) return updated.asset(condition.asset.name, condition.asset.uri);
  if ('alias' in condition) return updated.alias(condition.alias.name);
  if ('all' in condition) return condition.all.length > 0 && condition.all.every((part) => isConditionMet(part, updated));
  return condition.any.some((part) => isConditionMet(part, updated));
}

export interface ConditionLeaves {
  readonly assets: readonly { readonly name: string; readonly uri: string }[];
  readonly aliases: readonly { readonly name: string }[];
}

/** Everything a condition waits for, each once, in the order it is written. */
export function leavesOf(condition: AssetCondition): ConditionLeaves {
  const assets = new Map<string, { readonly name: string; readonly uri: string }>();
  const aliases = new Map<string, { readonly name: string }>();
  const open: AssetCondition[] = [condition];
  for (let part = open.shift(); part !== undefined; part = open.shift()) {
    if ('asset' in part) assets.set(`${part.asset.name}\n${part.asset.uri}`, part.asset);
    else if ('alias' in part) aliases.set(part.alias.name, part.alias);
    else open.unshift(...('all' in part ? part.all : part.any));
  }
  return { assets: [...assets.values()], aliases: [...aliases.values()] };
}

/** What of the condition still has to happen: leaves without an event that stand where one would help. */
export function missingOf(condition: AssetCondition, updated: AssetsUpdated): ConditionLeaves {
  if (isConditionMet(condition, updated)) return { assets: [], aliases: [] };
  const { assets, aliases } = leavesOf(condition);
  return { assets: assets.filter(({ name, uri }) => !updated.asset(name, uri)), aliases: aliases.filter(({ name }) => !updated.alias(name)) };
}
