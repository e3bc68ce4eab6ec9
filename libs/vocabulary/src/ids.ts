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

/** Airflow's single `map_index`: -1 when unmapped, the last index otherwise. */
export function mapIndexOf(path: IndexPath): number {
  return path.at(-1) ?? -1;
}

/** Ids of dags, tasks, pools and queues: letters, digits, `_`, `-`, `.`; at most 250 characters. */
export const ID_PATTERN = /^[\p{L}\p{N}_.-]{1,250}$/u;

/** Run ids may also hold `:`, `+`, `~` and blanks inside, but never a path separator or `..` (they become folder names); `~` alone is the wildcard. */
export const RUN_ID_PATTERN = /^(?!~$)(?!.*\.\.)[A-Za-z0-9_.~:+\- ]{1,250}$/;
