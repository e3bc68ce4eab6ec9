import { z } from 'zod';

const duration = z.union([z.number().nonnegative(), z.string().min(1)], 'expected a length of time: seconds as a number, or a text like "30s", "5m"');
const texts = z.record(z.string(), z.string('expected a text'), 'expected a mapping of names to texts');
const data = z.record(z.string(), z.unknown(), 'expected a mapping of names to values');
const states = z.array(z.string().min(1)).optional();
const assignee = z.union([z.string().min(1), z.strictObject({ id: z.string().min(1), name: z.string() })], 'expected the name of a user, or { id, name }');

const httpCall = z.strictObject({
  url: z.string().min(1).describe("Absolute, or a path on the connection's host. `{externalId}` stands for the platform's id."),
  method: z.string().optional(),
  headers: texts.optional(),
  body: z.unknown().optional().describe('Sent as JSON; a text is sent as it is.'),
});

const question = {
  subject: z.string().min(1).describe('One line. A template.'),
  body: z.string().optional().describe('Markdown. A template.'),
  params: data.optional().describe('Fields of a form: values, or { value, schema, description }.'),
  assignees: z.array(assignee).optional(),
  responseTimeout: duration.optional().describe('How long it waits; then the defaults count.'),
};
const choices = { options: z.array(z.string().min(1)).min(1), defaults: z.array(z.string()).optional(), multiple: z.boolean().optional() };
const exitCode = z.number().int().min(0).max(255);

/**
 * Own options of built-in operators, as a dag file may give them: those that can be written as data. Operators that are not here can be
 * used too; only their options are then checked by their constructors alone. A type test in libs/operators compares this with their options.
 */
export const OPERATOR_OPTIONS = {
  BashOperator: z.strictObject({
    bashCommand: z.string('expected the command, a text').describe('The command or script, run by `bash -c`. A template.'),
    env: texts.optional().describe("Environment of the command. A template. Left out: the runner's environment."),
    appendEnv: z.boolean().optional().describe("Add `env` to the runner's environment instead of replacing it."),
    cwd: z.string().optional().describe("Absolute folder to run in. A template. Left out: the try's scratch folder."),
    skipOnExitCode: z.union([exitCode, z.array(exitCode), z.null()], 'expected an exit code, a list of them, or null').optional().describe('Exit codes that mean "skipped"; 99 when left out.'),
    killGraceMs: z.number().nonnegative().optional(),
  }),
  PythonOperator: z.strictObject({
    pythonCode: z.string().optional().describe('Python source that defines `functionName`. A template. Either this or `script`.'),
    script: z.string().optional().describe('Absolute path of a Python file on the worker. A template.'),
    functionName: z.string().optional().describe('The function to call; "main" when left out.'),
    opArgs: z.array(z.unknown()).optional().describe('Positional arguments. A template.'),
    opKwargs: data.optional().describe('Keyword arguments. A template.'),
    python: z.string().optional().describe('The interpreter, e.g. of a virtual environment.'),
    requirements: z.array(z.string()).optional().describe('Packages of its own, as pip takes them.'),
    pipOptions: z.array(z.string()).optional().describe('For pip.'),
    systemSitePackages: z.boolean().optional().describe('The virtual environment also sees the packages of the interpreter.'),
    env: texts.optional(),
    skipOnExitCode: z.union([exitCode, z.null()], 'expected an exit code or null').optional(),
    killGraceMs: z.number().nonnegative().optional(),
  }),
  EmptyOperator: z.strictObject({}),
  LatestOnlyOperator: z.strictObject({}),
  TemplateBranchOperator: z.strictObject({
    choose: z.union([z.string(), z.array(z.string())], 'expected a template that gives ids of tasks, or a list of them').describe('Gives the id of the task that is to run, several with commas between or as a JSON list, or nothing for none. A template.'),
  }),
  TemplateShortCircuitOperator: z.strictObject({
    condition: z.union([z.string(), z.boolean()], 'expected a template').describe('Goes on unless this gives nothing, "false", "0", "no", "off", "none" or "null". A template.'),
    ignoreDownstreamTriggerRules: z.boolean().optional(),
  }),
  AsyncHttpOperator: z.strictObject({
    request: httpCall.describe('Starts the work. A template.'),
    connectionId: z.string().optional(),
    status: httpCall.optional().describe('Where the platform says how it stands; with `pollInterval`, looked at so often.'),
    cancel: httpCall.optional().describe('Tells the platform to stop.'),
    requestTimeoutSeconds: z.number().positive().optional(),
    timeout: duration.optional(),
    pollInterval: duration.optional(),
  }),
  TriggerDagRunOperator: z.strictObject({
    triggerDagId: z.string().min(1).describe('The dag to run. A template.'),
    triggerRunId: z.string().optional(),
    conf: data.optional().describe('Its texts are templates.'),
    logicalDate: z.string().optional(),
    note: z.string().optional(),
    waitForCompletion: z.boolean().optional(),
    pokeInterval: duration.optional(),
    allowedStates: states,
    failedStates: states,
    resetDagRun: z.boolean().optional(),
    skipWhenAlreadyExists: z.boolean().optional(),
    failWhenDagIsPaused: z.boolean().optional(),
  }),
  ExternalTaskSensor: z.strictObject({
    externalDagId: z.string().min(1).describe('A template.'),
    externalTaskId: z.string().optional(),
    externalTaskIds: z.array(z.string()).optional(),
    externalTaskGroupId: z.string().optional(),
    executionDelta: duration.optional().describe("The other run's logical date is this much before ours."),
    allowedStates: states,
    failedStates: states,
    skippedStates: states,
    checkExistence: z.boolean().optional(),
    pokeInterval: duration.optional(),
    timeout: duration.optional(),
    softFail: z.boolean().optional(),
  }),
  HITLOperator: z.strictObject({ ...question, ...choices }),
  ApprovalOperator: z.strictObject({ ...question, defaults: z.enum(['Approve', 'Reject']).optional(), ignoreDownstreamTriggerRules: z.boolean().optional(), failOnReject: z.boolean().optional() }),
  HITLEntryOperator: z.strictObject({ ...question, options: z.array(z.string().min(1)).min(1).optional(), defaults: z.array(z.string()).optional() }),
  HITLBranchOperator: z.strictObject({ ...question, ...choices, optionsMapping: texts.optional().describe('The task each option goes to.') }),
} as const satisfies Readonly<Record<string, z.ZodObject>>;
export type CataloguedOperator = keyof typeof OPERATOR_OPTIONS;

/** Names whose class is not what the name says: written in TypeScript these operators take functions. */
const SPECIAL: Readonly<Record<string, CataloguedOperator>> = {
  branch: 'TemplateBranchOperator', BranchOperator: 'TemplateBranchOperator',
  short_circuit: 'TemplateShortCircuitOperator', ShortCircuitOperator: 'TemplateShortCircuitOperator',
};

/** `BashOperator` → `bash`, `AsyncHttpOperator` → `async_http`, `ExternalTaskSensor` → `external_task_sensor`. */
export function shortOperatorName(className: string): string {
  const words = className.replace(/Operator$/, '').replace(/^Template/, '');
  return words.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1_$2').toLowerCase();
}

/** The class an operator's name in a dag file means, among `classes`; null: none. */
export function operatorClass(name: string, classes: readonly string[] = Object.keys(OPERATOR_OPTIONS)): string | null {
  const special = SPECIAL[name];
  if (special !== undefined) return special;
  return classes.includes(name) ? name : (classes.find((one) => shortOperatorName(one) === name) ?? null);
}

/** What may be written as `operator` for built-in ones. */
export function operatorNames(classes: readonly string[] = Object.keys(OPERATOR_OPTIONS)): string[] {
  return [...new Set(classes.flatMap((name) => [shortOperatorName(name), name.replace(/^Template/, '')]))].sort();
}
