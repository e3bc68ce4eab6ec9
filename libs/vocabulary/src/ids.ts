/** A string that names one kind of thing; mixing kinds does not compile. */
export type Id<Kind extends string> = string & { readonly __kind: Kind };

/** `dag_run.id`: uuid v7 made by whoever creates the run. Not Airflow's `run_id` text, which is {@link RunName}. */
export type RunId = Id<'run'>;
/** `task_instance.id`: uuid v7. Stable over all tries of the instance. */
export type InstanceId = Id<'instance'>;
/** One dispatch of one try: uuid v7. A reset always makes a new one, so a late result is recognised by it. */
export type AttemptId = Id<'attempt'>;
/** Random uuid a worker makes for one claim; the same token again gets the same answer. */
export type ClaimToken = Id<'claim'>;
/** One life of one worker process: uuid v7. */
export type SessionId = Id<'session'>;
export type DagVersionId = Id<'dag-version'>;
/** sha-256, hex, of a bundle's bytes. */
export type BundleHash = Id<'bundle'>;

export type DagId = string;
export type TaskId = string;
/** Airflow's `run_id` text, unique per dag, e.g. `manual__2026-05-23T04:48:14.310347+00:00`. */
export type RunName = string;

/** Where an instance sits among its task's instances: `[]` unmapped, `[3]` mapped, `[2, 5]` nested. */
export type IndexPath = readonly number[];

/**
 * Airflow's single `map_index`: -1 when unmapped, the index when there is one. Nested ones, which Airflow does not have, are one number too, so that
 * every instance can be named by it: `[2, 5]` is 3000005, from the left each index but the last plus one, six digits for each that follows.
 */
export function mapIndexOf(path: IndexPath): number {
  let number = path[0] ?? -1;
  for (const index of path.slice(1, 3)) number = (number + 1) * 1_000_000 + index;
  return number;
}

/** Ids of dags, tasks, pools and queues: letters, digits, `_`, `-`, `.`; at most 250 characters. */
/** Stands where an instance would be named and there is none. */
export const NO_INSTANCE_ID = '00000000-0000-0000-0000-000000000000';

export const ID_PATTERN = /^[\p{L}\p{N}_.-]{1,250}$/u;

/** Run ids may also hold `:`, `+`, `~` and blanks inside, but never a path separator or `..` (they become folder names); `~` alone is the wildcard. */
export const RUN_ID_PATTERN = /^(?!~$)(?!.*\.\.)[A-Za-z0-9_.~:+\- ]{1,250}$/;
