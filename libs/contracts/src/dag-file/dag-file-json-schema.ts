import { z } from 'zod';
import { dagFileSchema } from './dag-file.js';
import { OPERATOR_OPTIONS, operatorClass, operatorNames } from './operator-options.js';

type Json = Record<string, unknown>;

/**
 * The published JSON Schema of dag files (draft 2020-12), for editors and for systems that compose dags. Some rules no JSON Schema can
 * say (ids that exist, cycles, names of operators of plugins): those are checked by who reads the file.
 */
export function dagFileJsonSchema(): Json {
  const schema = z.toJSONSchema(dagFileSchema, { io: 'input', target: 'draft-2020-12', unrepresentable: 'any' }) as Json & { $defs: Record<string, Json> };
  const task = schema.$defs['task'] as Json & { properties: Record<string, Json> };
  const names = operatorNames();
  task.properties['operator'] = { ...task.properties['operator'], anyOf: [{ enum: names }, { type: 'string' }] };
  delete task.properties['operator']['type'];
  task['allOf'] = Object.entries(OPERATOR_OPTIONS).map(([className, options]) => {
    const { $schema: _, ...own } = z.toJSONSchema(options, { io: 'input', target: 'draft-2020-12' }) as Json;
    schema.$defs[className] = own;
    // What is mapped over, or comes from another module, need not be there.
    delete own['required'];
    const condition = { required: ['operator'], properties: { operator: { enum: names.filter((name) => operatorClass(name) === className) }, from: false } };
    // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema; nobody awaits it
    return { if: condition, then: { properties: { options: { $ref: `#/$defs/${className}` } } } };
  });
  return { $id: 'urn:millrace:dag-file', title: 'Millrace dag file', description: 'A dag written as YAML or JSON: *.dag.yaml, *.dag.yml, *.dag.json, or sent to the api.', ...withExtensions(schema) };
}

/** Names that begin with `x-` are the author's, and so is what editors write into a JSON file. */
function withExtensions(schema: Json): Json {
  return { ...schema, patternProperties: { '^x-': {} } };
}
