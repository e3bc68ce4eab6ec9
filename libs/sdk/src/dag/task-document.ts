import type { DagDocumentInput } from '@millrace/contracts';
import { ID_PATTERN, TRIGGER_RULES } from '@millrace/vocabulary';
import { toldOf } from '../callbacks/callbacks.js';
import { siteText } from '../definition-site/definition-site.js';
import { secondsOf } from '../durations/duration.js';
import type { Duration } from '../durations/duration.js';
import { Operator, nodeOf } from '../tasks/operator.js';
import type { Asset, AssetAlias } from '../assets/asset.js';
import type { OperatorOptions, RetryRule, TaskDefaults } from '../tasks/operator-options.js';
import { LateValue } from '../tasks/late-value.js';
import { TaskOutput } from '../tasks/task-output.js';

type TaskDocumentInput = NonNullable<DagDocumentInput['tasks']>[number];

/** Longer texts are cut in the copy for people; the runner uses the bundle's own. */
const FIELD_TEXT_MAX = 20_000;
const OWN_FIELDS = new Set(['taskId', 'options', 'templateFields']);

/** One task as data, defaults left out. @throws RangeError naming the option that cannot be */
export function taskDocument(operator: Operator, defaults: TaskDefaults): TaskDocumentInput {
  const node = nodeOf(operator);
  const options: OperatorOptions = { ...defaults, ...definedOnly(operator.options) };
  const kind = operator.constructor as typeof Operator;
  for (const field of operator.templateFields) {
    if (!(field in operator)) throw new RangeError(`templateFields names "${field}", but ${kind.name} has no such property`);
  }
  if (options.triggerRule !== undefined && !TRIGGER_RULES.includes(options.triggerRule)) throw new RangeError(`triggerRule must be one of ${TRIGGER_RULES.join(', ')}, got ${JSON.stringify(options.triggerRule)}`);
  if (options.queue !== undefined && !ID_PATTERN.test(options.queue)) throw new RangeError(`queue may hold letters, digits, "_", "-" and ".", got ${JSON.stringify(options.queue)}`);
  const growth = options.retryExponentialBackoff;
  return definedOnly<TaskDocumentInput>({
    taskId: operator.taskId,
    operator: kind.operatorName ?? kind.name,
    displayName: options.displayName,
    upstream: node.upstream.size === 0 ? undefined : [...node.upstream].map((upstream) => upstream.taskId),
    triggerRule: options.triggerRule,
    retries: whole(options.retries, 'retries', 0),
    retryDelaySeconds: seconds(options.retryDelay, 'retryDelay'),
    retryExponentialBackoff: growth === undefined ? undefined : growth === true ? 2 : Number(growth),
    maxRetryDelaySeconds: seconds(options.maxRetryDelay, 'maxRetryDelay'),
    retryPolicy: retryRules(options.retryPolicy),
    executionTimeoutSeconds: seconds(options.executionTimeout, 'executionTimeout'),
    onLost: options.onLost,
    queue: options.queue,
    pool: options.pool,
    poolSlots: whole(options.poolSlots, 'poolSlots', 1),
    priorityWeight: whole(options.priorityWeight, 'priorityWeight', Number.MIN_SAFE_INTEGER),
    weightRule: options.weightRule,
    dependsOnPast: options.dependsOnPast,
    waitForDownstream: options.waitForDownstream,
    ignoreFirstDependsOnPast: options.ignoreFirstDependsOnPast,
    maxActivePerDag: whole(options.maxActivePerDag, 'maxActivePerDag', 1),
    maxActivePerRun: whole(options.maxActivePerRun, 'maxActivePerRun', 1),
    owner: options.owner,
    docMd: options.docMd,
    templateFields: operator.templateFields.length === 0 ? undefined : [...operator.templateFields],
    fields: fieldsOf(operator),
    params: options.params,
    uiColor: kind.uiColor === '#fff' ? undefined : kind.uiColor,
    uiFgColor: kind.uiFgColor === '#000' ? undefined : kind.uiFgColor,
    group: node.group?.groupId,
    isSetup: options.setup,
    isTeardown: options.teardown,
    onFailureFailDagRun: options.onFailureFailDagRun,
    callbacks: noneIfEmpty(toldOf(options)),
    inlets: assets(options.inlets),
    outlets: assets(options.outlets),
    inletAliases: aliases(options.inlets),
    outletAliases: aliases(options.outlets),
    definedAt: siteText(node.site) ?? undefined,
    expand: node.expansion?.document(),
    mapIndexTemplate: options.mapIndexTemplate,
    ...operator.documentFields(),
  });
}

function retryRules(policy: readonly RetryRule[] | undefined): TaskDocumentInput['retryPolicy'] {
  return policy?.map((rule, index) => {
    const what = `retryPolicy[${index}]`;
    const on = [rule.on].flat().map((error) => (typeof error === 'string' ? error : error.name));
    if (on.length === 0 || on.some((name) => name === '')) throw new RangeError(`${what}.on must name an error, a class of errors, or '*'`);
    if (rule.fail === true && (rule.retries ?? rule.delay) !== undefined) throw new RangeError(`${what} says fail and how to retry; leave one out`);
    const growth = rule.exponentialBackoff;
    return definedOnly({
      on, fail: rule.fail, retries: whole(rule.retries, `${what}.retries`, 0), retryDelaySeconds: seconds(rule.delay, `${what}.delay`),
      retryExponentialBackoff: growth === undefined ? undefined : growth === true ? 2 : Number(growth), maxRetryDelaySeconds: seconds(rule.maxDelay, `${what}.maxDelay`),
    });
  });
}

function noneIfEmpty<T>(list: T[]): T[] | undefined {
  return list.length === 0 ? undefined : list;
}

function fieldsOf(operator: Operator): Record<string, unknown> | undefined {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(operator)) {
    if (OWN_FIELDS.has(name) || typeof value === 'function' || value === undefined) continue;
    const shown = shownValue(value, 0);
    if (shown !== undefined && !(Array.isArray(shown) && shown.length === 0)) fields[name] = shown;
  }
  return Object.keys(fields).length === 0 ? undefined : fields;
}

/** A JSON copy for people: outputs by name, what JSON cannot carry left out. */
function shownValue(value: unknown, depth: number): unknown {
  if (value instanceof TaskOutput) return `output of ${value.taskId}${value.key === 'return_value' ? '' : ` (${value.key})`}`;
  if (value instanceof LateValue) return (value as LateValue<unknown>).shown();
  if (value instanceof Operator) return `task ${value.taskId}`;
  if (typeof value === 'string') return value.length > FIELD_TEXT_MAX ? `${value.slice(0, FIELD_TEXT_MAX)}…` : value;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object' || depth > 8) return undefined;
  if (Array.isArray(value)) return value.map((part) => shownValue(part, depth + 1) ?? null);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shownValue(part, depth + 1)]).filter(([, part]) => part !== undefined));
}

function assets(list: readonly (Asset | AssetAlias)[] | undefined): TaskDocumentInput['outlets'] {
  const found = list?.flatMap((each) => ('uri' in each ? [each.toDocument()] : []));
  return found === undefined || found.length === 0 ? undefined : found;
}

function aliases(list: readonly (Asset | AssetAlias)[] | undefined): TaskDocumentInput['outletAliases'] {
  const found = list?.flatMap((each) => ('uri' in each ? [] : [{ name: each.name, group: each.group }]));
  return found === undefined || found.length === 0 ? undefined : found;
}

function seconds(value: Duration | undefined, what: string): number | undefined {
  return value === undefined ? undefined : secondsOf(value, what);
}

function whole(value: number | undefined, what: string, min: number): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < min) throw new RangeError(`${what} must be a whole number${min > Number.MIN_SAFE_INTEGER ? ` ≥ ${min}` : ''}, got ${JSON.stringify(value)}`);
  return value;
}

function definedOnly<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
