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
const exitCodes = z.union([exitCode, z.array(exitCode), z.null()], 'expected an exit code, a list of them, or null').optional().describe('Exit codes that mean "skipped"; 99 when left out.');
const needed = (what: string) => z.string(`expected ${what}, a text`).min(1, `expected ${what}, not an empty text`);
const textList = z.array(z.string('expected a text'), 'expected a list of texts');
const textOrTexts = z.union([z.string().min(1), z.array(z.string()).min(1)], 'expected a text or a list of texts');
const status = z.number('expected an HTTP status').int().min(100).max(599);
const upwards = (least: number) => z.number(`expected a whole number of at least ${least}`).int().min(least);
const above = z.number('expected a number above 0').positive();
const remove = z.enum(['always', 'success', 'never']).optional().describe('Remove it when it has ended; `success` keeps those that failed; "always" when left out.');
const objects = z.array(z.record(z.string(), z.unknown()), 'expected a list of mappings');

/** What every sensor takes. */
const looks = {
  mode: z.enum(['poke', 'reschedule', 'deferred']).optional().describe('`poke` sleeps in its slot between two looks, `reschedule` and `deferred` give it back.'),
  pokeInterval: duration.optional().describe('Between two looks.'),
  timeout: duration.optional().describe('Of the sensor as a whole, over all tries.'),
  exponentialBackoff: z.boolean().optional().describe('Double the interval after each look.'),
  maxWait: duration.optional().describe('No interval is longer.'),
  softFail: z.boolean().optional().describe('Skip instead of fail when the time is over.'),
  silentFail: z.boolean().optional().describe('A look that throws counts as "not yet".'),
  neverFail: z.boolean().optional().describe('Whatever goes wrong skips the task.'),
  wakeKey: z.string().optional().describe('`deferred` only: an event reported to this key makes the sensor look at once.'),
};

const httpRequest = {
  url: needed('an address').describe("Absolute, or a path on the connection's host. A template."),
  method: z.string().optional(),
  headers: texts.optional().describe('Win over those of the connection. A template.'),
  query: texts.optional().describe('Appended to the address. A template.'),
  body: z.unknown().optional().describe('A text is sent as it is, everything else as JSON. A template.'),
  connectionId: z.string().optional(),
  maxBodyBytes: upwards(1).optional().describe('A larger body fails the try. Bytes.'),
  requestTimeoutSeconds: above.optional(),
};
const sqlParameters = z.union([z.array(z.unknown()), data], 'expected a list of values, or a mapping of names to values').optional().describe('Values of `:name`, or as a list of `$1` or `?`. A template.');
const slackMessage = {
  text: needed('the message').describe("Slack's markup. A template."),
  blocks: objects.optional().describe("Blocks of Slack's Block Kit. A template."),
  attachments: objects.optional(),
  connectionId: z.string().optional(),
};

const bucket = { bucket: needed('the name of a bucket').describe('A template.'), connectionId: z.string().optional() };
const key = needed('the key of an object').describe('A template.');
const listObjects = z.strictObject({ ...bucket, prefix: z.string().optional().describe('What keys begin with. A template.'), maxKeys: upwards(1).optional().describe('More fail the try.') });
const getObject = z.strictObject({ ...bucket, key, file: z.string().min(1).optional().describe('Absolute path it is written to. A template. Left out: it is returned as text.'), maxBytes: upwards(1).optional() });
const putObject = z.strictObject({
  ...bucket, key, file: z.string().min(1).optional().describe('Absolute path of what is stored. A template. This or `content`.'), content: z.unknown().optional().describe('What is stored: a text, or anything else as JSON. A template.'),
  contentType: z.string().min(1).optional(), replace: z.boolean().optional().describe('false: an object that is there fails the try.'),
});
const copyObject = z.strictObject({ ...bucket, key, destinationKey: needed('the key of the copy').describe('A template.'), destinationBucket: z.string().min(1).optional() });
const deleteObjects = z.strictObject({ ...bucket, keys: textList.optional().describe('This or `prefix`. A template.'), prefix: z.string().min(1).optional().describe('All below it. A template.') });
const objectSensor = z.strictObject({ ...looks, ...bucket, key: needed('a key, or a pattern with * and ?').describe('A template.'), minObjects: upwards(1).optional() });

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
  HttpOperator: z.strictObject({
    ...httpRequest,
    retryStatuses: z.array(status, 'expected a list of HTTP statuses').optional().describe('Statuses after which another try makes sense; all when left out.'),
    saveTo: z.string().min(1).optional().describe('Absolute path the body is written to. A template.'),
  }),
  HttpSensor: z.strictObject({ ...looks, ...httpRequest, notYetStatuses: z.array(status, 'expected a list of HTTP statuses').optional().describe('Statuses that say "not yet"; 404 when left out.') }),
  SqlOperator: z.strictObject({
    connectionId: needed('the id of a connection').describe('Of type postgres, mysql or mariadb.'),
    sql: textOrTexts.describe('One statement, several separated by `;`, or a list. A template.'),
    parameters: sqlParameters,
    transaction: z.boolean().optional().describe('All statements or none; true when left out.'),
    returns: z.enum(['last', 'all', 'counts']).optional(),
    maxRows: upwards(1).optional().describe('More rows to return fail the try.'),
    saveTo: z.string().min(1).optional().describe('File for the rows of the last statement: .csv, or a JSON object a line. A template.'),
    batchRows: upwards(1).optional(),
  }),
  SqlSensor: z.strictObject({ ...looks, connectionId: needed('the id of a connection'), sql: needed('a statement').describe('It is there when the first column of the first row is true. A template.'), parameters: sqlParameters, failOnEmpty: z.boolean().optional() }),
  EmailOperator: z.strictObject({
    to: textOrTexts.describe('One address, several separated by commas, or a list. A template.'),
    subject: needed('the subject').describe('A template.'),
    html: z.string().min(1).optional().describe('A template. This or `text`, or both.'),
    text: z.string().min(1).optional().describe('A template.'),
    cc: textOrTexts.optional(),
    bcc: textOrTexts.optional(),
    from: z.string().min(1).optional(),
    replyTo: z.string().min(1).optional(),
    files: textList.optional().describe('Absolute paths of files to attach. A template.'),
    headers: texts.optional(),
    connectionId: z.string().optional(),
  }),
  SlackWebhookOperator: z.strictObject(slackMessage),
  SlackPostOperator: z.strictObject({
    ...slackMessage, channel: needed('a channel').describe('Name or id. A template.'), threadTs: z.string().min(1).optional().describe('The message this answers. A template.'),
    username: z.string().min(1).optional(), iconEmoji: z.string().min(1).optional(),
  }),
  WebhookOperator: z.strictObject({ url: needed('an address').describe("Absolute, or a path on the connection's host. A template."), payload: z.unknown().optional().describe('Sent as JSON. A template.'), headers: texts.optional(), connectionId: z.string().optional() }),
  FileSensor: z.strictObject({
    ...looks, path: needed('a path or a pattern').describe('A file, a folder, or a pattern. Absolute, or below the path of the connection. A template.'), connectionId: z.string().optional(),
    unchangedFor: duration.optional().describe('So long nothing was written to a file: it is whole.'), minFiles: upwards(1).optional(),
  }),
  WriteFileOperator: z.strictObject({ path: needed('an absolute path').describe('Folders are made. A template.'), content: z.unknown().refine((value) => value !== undefined, 'expected what is written').describe('A text is written as it is, everything else as JSON. A template.') }),
  CopyFilesOperator: z.strictObject({ source: needed('an absolute path or a pattern').describe('A template.'), destination: needed('an absolute path').describe('With `/` at its end a folder. A template.'), move: z.boolean().optional(), allowNone: z.boolean().optional() }),
  DeleteFilesOperator: z.strictObject({ path: needed('an absolute path or a pattern').describe('A template.') }),
  DateTimeSensor: z.strictObject({ targetTime: needed('a date and time in ISO 8601').describe('Without an offset it is UTC. A template.') }),
  TimeDeltaSensor: z.strictObject({ delta: duration.describe("So long after the end of the run's data interval.") }),
  S3ListOperator: listObjects,
  S3GetOperator: getObject,
  S3PutOperator: putObject,
  S3CopyOperator: copyObject,
  S3DeleteOperator: deleteObjects,
  S3KeySensor: objectSensor,
  GcsListOperator: listObjects,
  GcsGetOperator: getObject,
  GcsPutOperator: putObject,
  GcsCopyOperator: copyObject,
  GcsDeleteOperator: deleteObjects,
  GcsObjectSensor: objectSensor,
  SshOperator: z.strictObject({
    command: needed('the command').describe("Run by the login's shell over there. A template."),
    env: texts.optional(),
    connectionId: z.string().optional(),
    skipOnExitCode: exitCodes,
    pty: z.boolean().optional(),
    connectTimeoutSeconds: above.optional(),
  }),
  DockerOperator: z.strictObject({
    image: needed('an image').describe('A template.'),
    command: z.union([z.string(), z.array(z.string())], 'expected a text or a list of texts').optional().describe('A list, or a text for `/bin/sh -c`. A template.'),
    entrypoint: textList.optional(),
    env: texts.optional(),
    containerName: z.string().optional(),
    pull: z.enum(['always', 'missing', 'never']).optional(),
    mounts: z.array(z.strictObject({ source: z.string(), target: z.string().regex(/^\//, 'expected an absolute path in the container'), readOnly: z.boolean().optional() }), 'expected a list of { source, target }').optional(),
    workingDir: z.string().min(1).optional(),
    user: z.string('expected a text, e.g. "1000"').optional(),
    networkMode: z.string().optional(),
    memoryMb: above.optional(),
    cpus: above.optional(),
    labels: texts.optional(),
    remove,
    skipOnExitCode: exitCodes,
    stopGraceSeconds: upwards(0).optional(),
    dockerUrl: z.string().regex(/^(unix|tcp|https?):\/\//, 'expected an address that begins with unix://, tcp://, http:// or https://').optional(),
    connectionId: z.string().optional(),
  }),
  KubernetesPodOperator: z.strictObject({
    image: needed('an image').describe('A template.'),
    cmds: textList.optional().describe("Replaces the image's entrypoint. A template."),
    args: textList.optional().describe('A template.'),
    env: texts.optional(),
    name: z.string().optional(),
    namespace: z.string().optional(),
    labels: texts.optional(),
    annotations: texts.optional(),
    serviceAccountName: z.string().optional(),
    resources: z.strictObject({ requests: texts.optional(), limits: texts.optional() }).optional(),
    podSpec: data.optional().describe("More of a pod's `spec` in Kubernetes' words. A template."),
    startupTimeout: duration.optional(),
    remove,
    skipOnExitCode: exitCodes,
    stopGraceSeconds: upwards(0).optional(),
    lookEverySeconds: above.optional(),
    connectionId: z.string().optional(),
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
