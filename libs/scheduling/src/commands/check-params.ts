import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { MillraceError } from '@millrace/vocabulary';

const INPUT_MAX_BYTES = 1_000_000;

interface FormParam {
  readonly value: unknown;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** A form's input, checked field by field; what is left out has the param's own value. @throws MillraceError naming the field */
export function checkParams(params: Readonly<Record<string, unknown>>, input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const json = JSON.stringify(input);
  if (Buffer.byteLength(json) > INPUT_MAX_BYTES) throw new MillraceError('invalid', `params_input has ${Buffer.byteLength(json)} bytes; the limit is ${INPUT_MAX_BYTES}`);
  if (json.includes('\\u0000')) throw new MillraceError('invalid', 'params_input holds a NUL character, which PostgreSQL cannot store');
  const unknown = Object.keys(input).find((name) => !Object.hasOwn(params, name));
  if (unknown !== undefined) throw new MillraceError('invalid', `params_input.${unknown.slice(0, 200)} is no field of this question; it has ${Object.keys(params).join(', ') || 'none'}`);
  const checked: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(params)) {
    const { value, schema } = formParam(given);
    checked[name] = Object.hasOwn(input, name) ? input[name] : value;
    const wrong = problemOf(name, schema, checked[name]);
    if (wrong !== undefined) throw new MillraceError('invalid', `params_input.${name} is not valid: ${wrong}`);
  }
  return checked;
}

/** A param as `{ value, schema }`; a bare value is one without a schema. */
function formParam(given: unknown): FormParam {
  if (typeof given !== 'object' || given === null || !('value' in given)) return { value: given, schema: {} };
  const { value, schema } = given as { value: unknown; schema?: unknown };
  return { value, schema: typeof schema === 'object' && schema !== null ? (schema as Record<string, unknown>) : {} };
}

function problemOf(name: string, schema: Readonly<Record<string, unknown>>, value: unknown): string | undefined {
  if (Object.keys(schema).length === 0) return undefined;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  try {
    const validate = ajv.compile(schema);
    return validate(value) ? undefined : ajv.errorsText(validate.errors, { dataVar: name });
  } catch (error) {
    return `its schema is no JSON Schema: ${error instanceof Error ? error.message : String(error)}`;
  }
}
