import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { DagDocument } from '@millrace/contracts';
import { MillraceError } from '@millrace/vocabulary';

const CONF_MAX_BYTES = 1_000_000;

/** The run's conf as stored, or a refusal. */
export function confJsonOf(conf: unknown): string {
  if (conf === undefined || conf === null) return '{}';
  if (typeof conf !== 'object' || Array.isArray(conf)) throw new MillraceError('invalid', `conf must be a JSON object, got ${Array.isArray(conf) ? 'an array' : `a ${typeof conf}`}`);
  const json = JSON.stringify(conf);
  if (Buffer.byteLength(json) > CONF_MAX_BYTES) throw new MillraceError('invalid', `conf has ${Buffer.byteLength(json)} bytes; the limit is ${CONF_MAX_BYTES}`);
  if (json.includes('\\u0000')) throw new MillraceError('invalid', 'conf holds a NUL character, which PostgreSQL cannot store');
  return json;
}

/** Params of the run: the dag's defaults, overridden by conf; each checked against its JSON Schema. */
export function paramsJsonOf(document: DagDocument, conf: Readonly<Record<string, unknown>> | null | undefined): string {
  const params: Record<string, unknown> = {};
  for (const [name, param] of Object.entries(document.params)) params[name] = conf && Object.hasOwn(conf, name) ? conf[name] : param.value;
  for (const [name, param] of Object.entries(document.params)) {
    if (Object.keys(param.schema).length === 0) continue;
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
    let validate;
    try {
      validate = ajv.compile(param.schema);
    } catch (error) {
      throw new MillraceError('invalid', `the schema of param "${name}" of dag "${document.dagId}" is no JSON Schema: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (!validate(params[name])) throw new MillraceError('invalid', `param "${name}" of dag "${document.dagId}" is not valid: ${ajv.errorsText(validate.errors, { dataVar: name })}`);
  }
  for (const [name, value] of Object.entries(conf ?? {})) if (!Object.hasOwn(params, name)) params[name] = value;
  return JSON.stringify(params);
}
