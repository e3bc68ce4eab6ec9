/** What a task or group is expanded over; an expansion of a dag document fits as it is. */
export type ExpandSource =
  /** Every combination of the arguments' elements, the last argument fastest. */
  | { readonly kind: 'args'; readonly args: readonly { readonly name: string; readonly over: MapSource }[] }
  /** Each element is the whole input. */
  | { readonly kind: 'kwargs'; readonly over: MapSource };

export type MapSource =
  | { readonly from: 'literal'; readonly values: readonly unknown[] | Readonly<Record<string, unknown>> }
  /** The list or object a task pushed under `key`; of a mapped task the values of all its instances. */
  | { readonly from: 'task'; readonly taskId: string; readonly key: string }
  /** Element i of each part together: as long as the shortest part, or as the longest. */
  | { readonly from: 'zip'; readonly parts: readonly MapSource[]; readonly longest: boolean };

/** A group that is repeated: iteration i + 1 comes into being when the condition task of iteration i says so. */
export interface LoopSource {
  readonly max: number;
  readonly condition: string;
  readonly atMax: 'fail' | 'succeed';
}

export interface PlanGroupSource {
  readonly groupId: string;
  readonly parent: string | null;
  readonly expand?: ExpandSource | null;
  readonly loop?: LoopSource | null;
}

/** The tasks a source reads from, each once. */
export function sourceTasks(over: MapSource): string[] {
  if (over.from === 'literal') return [];
  return over.from === 'task' ? [over.taskId] : [...new Set(over.parts.flatMap(sourceTasks))];
}

export function argumentsOf(expand: ExpandSource): readonly MapSource[] {
  return expand.kind === 'kwargs' ? [expand.over] : expand.args.map((argument) => argument.over);
}
