import type { DagDocumentInput } from '@millrace/contracts';
import { ID_PATTERN } from '@millrace/vocabulary';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { definitionSite, siteText } from '../definition-site/definition-site.js';
import type { DefinitionSite } from '../definition-site/definition-site.js';
import { unknownOption } from '../definition-site/known-options.js';
import { isTimetable } from '../schedules/timetable.js';
import type { ListRequest, RunList } from '../schedules/list-runs.js';
import type { TaskContext } from '../context/task-context.js';
import { bindInstance } from '../mapping/bind-instance.js';
import { scopeOf, sharedScope } from '../mapping/scope.js';
import type { Operator } from '../tasks/operator.js';
import { TASK_DEFAULTS } from '../tasks/operator-options.js';
import type { TaskGroup } from '../tasks/task-group.js';
import { taskMakers } from '../tasks/task-function.js';
import type { MakeBranch, MakeShortCircuit, MakeTask } from '../tasks/task-function.js';
import { withDag } from './current-dag.js';
import { DAG_OPTIONS } from './dag-options.js';
import type { DagOptions, ParamValues, ParamsInput } from './dag-options.js';
import { dagDocument, timetableRuns } from './dag-document.js';
import { register } from './registry.js';

/** What the runner looks a task up by. */
export interface RegisteredTask {
  readonly operator: Operator;
  readonly templateFields: readonly string[];
}

/**
 * A graph of tasks. Usually made by {@link dag}; `new Dag(id, options)` and `d.task(…)` build the same without a function around.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- a dag of any params is a dag
export class Dag<P extends ParamsInput = any> {
  readonly dagId: string;
  readonly options: DagOptions<P>;
  /** `task`, `branch` and `shortCircuit` of this dag, whose context knows the dag's params. */
  readonly task: MakeTask<ParamValues<P>>;
  readonly branch: MakeBranch<ParamValues<P>>;
  readonly shortCircuit: MakeShortCircuit<ParamValues<P>>;
  readonly tasks = new Map<string, RegisteredTask>();
  readonly groups = new Map<string, TaskGroup>();
  /** @internal the group whose function runs now */
  openGroup: TaskGroup | null = null;
  /** @internal */
  readonly site: DefinitionSite;
  private readonly sites = new Map<string, DefinitionSite>();

  /** @throws DagDefinitionError for an unusable id, and for an option there is not */
  constructor(dagId: string, options: DagOptions<P> = {}, definedBy: (...args: never[]) => unknown = Dag as never) {
    this.site = definitionSite(definedBy);
    if (typeof dagId !== 'string' || !ID_PATTERN.test(dagId)) throw new DagDefinitionError(`unusable dag id ${JSON.stringify(dagId)}: letters, digits, "_", "-" and "." are allowed, at most 250 characters`, this.site);
    const unknown = unknownOption(`dag "${dagId}"`, options, DAG_OPTIONS) ?? unknownOption(`defaultArgs of dag "${dagId}"`, options.defaultArgs, TASK_DEFAULTS);
    if (unknown !== null) throw new DagDefinitionError(unknown, this.site);
    this.dagId = dagId;
    this.options = options;
    const makers = taskMakers<ParamValues<P>>(this as Dag);
    this.task = makers.task;
    this.branch = makers.branch;
    this.shortCircuit = makers.shortCircuit;
    register(this as Dag);
  }

  /** @internal gives a mapped task the values of its index; null: it is not mapped */
  bind(taskId: string, context: TaskContext): Promise<(() => void) | null> {
    const task = this.tasks.get(taskId);
    return task === undefined ? Promise.resolve(null) : bindInstance(task.operator, context);
  }

  /** @internal how much of its index path a task has in common with another, and how long that one's is */
  sharedPath(taskId: string, otherId: string): { readonly shared: number; readonly depth: number } {
    const [task, other] = [this.tasks.get(taskId), this.tasks.get(otherId)];
    if (task === undefined || other === undefined) return { shared: 0, depth: 0 };
    const scope = scopeOf(other.operator);
    return { shared: sharedScope(scopeOf(task.operator), scope), depth: scope.length };
  }

  /** The dag as data. @throws DagDefinitionError for a cycle or an option that cannot be */
  toDocument(): DagDocumentInput {
    return dagDocument(this as Dag);
  }

  /** @internal whether its schedule is a timetable of its own, whose runs are to be told beside the document */
  get hasTimetable(): boolean {
    return isTimetable(this.options.schedule);
  }

  /** @internal the next runs of its timetable. @throws DagDefinitionError when the timetable cannot tell */
  timetableRuns(request: ListRequest): RunList {
    return timetableRuns(this as Dag, request);
  }

  /** @internal */
  adopt(operator: Operator, site: DefinitionSite): void {
    this.claim(operator.taskId, 'task', site);
    // A getter, because a subclass sets its template fields after this constructor has returned.
    this.tasks.set(operator.taskId, { operator, get templateFields() { return operator.templateFields; } });
  }

  /** @internal */
  adoptGroup(group: TaskGroup, site: DefinitionSite): void {
    this.claim(group.groupId, 'group', site);
    this.groups.set(group.groupId, group);
    group.parent?.children.push(group);
  }

  /** @internal runs `build` with the group open */
  within<T>(group: TaskGroup, build: () => T): T {
    const outer = this.openGroup;
    this.openGroup = group;
    try {
      return withDag(this as Dag, build);
    } finally {
      this.openGroup = outer;
    }
  }

  /** @internal `id`, or `id__1`, `id__2` … when a task function is called again */
  freeTaskId(id: string): string {
    const full = (candidate: string): string => this.openGroup?.prefixed(candidate) ?? candidate;
    if (!this.tasks.has(full(id))) return id;
    for (let n = 1; ; n++) if (!this.tasks.has(full(`${id}__${n}`))) return `${id}__${n}`;
  }

  private claim(id: string, kind: 'task' | 'group', site: DefinitionSite): void {
    const first = this.sites.get(id);
    if (first !== undefined) {
      throw new DagDefinitionError(`duplicate ${kind} id "${id}" in dag "${this.dagId}": first used at ${siteText(first) ?? 'an unknown place'}`, site);
    }
    this.sites.set(id, site);
  }
}

/**
 * Defines a dag. Tasks made while `build` runs belong to it.
 * @example
 * export default dag('hello', { schedule: cron('0 6 * * *') }, () => {
 *   const greet = new BashOperator('greet', { bashCommand: 'echo hello {{ ds }}' });
 *   greet.to(new EmptyOperator('done'));
 * });
 * @throws DagDefinitionError when something in it cannot be
 */
export function dag<const P extends ParamsInput>(dagId: string, options: DagOptions<P>, build: (d: Dag<Widened<P>>) => void): Dag<Widened<P>> {
  const made = new Dag<Widened<P>>(dagId, options as unknown as DagOptions<Widened<P>>, dag as never);
  const result: unknown = withDag(made as Dag, () => build(made));
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw new DagDefinitionError(`the function of dag "${dagId}" is async; building a dag must be synchronous (await before dag(…), at the top of the file)`, made.site);
  }
  return made;
}

/** `{ limit: 10 }` gives `limit: number`, not `limit: 10`: a run's conf may change it. */
type Widened<P> = { readonly [K in keyof P]: Widen<P[K]> };
type Widen<T> = T extends string ? string : T extends number ? number : T extends boolean ? boolean : T;
