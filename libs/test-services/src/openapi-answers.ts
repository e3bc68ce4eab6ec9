import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export interface HeardAnswer {
  readonly method: string;
  /** With or without a query. */
  readonly path: string;
  readonly status: number;
  /** '' when there is none. */
  readonly contentType: string;
  /** Parsed where the type is JSON. */
  readonly body: unknown;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>> }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** Says where answers of a server are not what its OpenAPI document promises. Stricter than a client: a field the document does not know is a difference too. */
export class OpenApiAnswers {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  readonly #routes: readonly { readonly template: string; readonly pattern: RegExp; readonly names: number }[];
  readonly #validators = new Map<string, ValidateFunction>();
  /** `GET /path/{id} 200` of what was looked at. */
  readonly seen = new Set<string>();

  constructor(private readonly document: OpenApi) {
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.#ajv);
    this.#ajv.addSchema({ $id: 'document', components: closed(document.components) as object });
    this.#routes = Object.keys(document.paths)
      .map((template) => ({ template, pattern: new RegExp(`^${template.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`).replaceAll(/\{\w+\}/g, '[^/]*')}/?$`), names: template.split('{').length }))
      .sort((a, b) => a.names - b.names);
  }

  /** Empty: all is as promised, or the document says nothing of this path. */
  problemsOf({ method, path, status, contentType, body }: HeardAnswer): readonly string[] {
    const route = this.#routes.find(({ template, pattern }) => pattern.test(path.split('?')[0]!) && this.document.paths[template]![method.toLowerCase()] !== undefined);
    if (route === undefined) return [];
    const { responses } = this.document.paths[route.template]![method.toLowerCase()]!;
    const named = [String(status), `${Math.floor(status / 100)}XX`].find((one) => responses[one] !== undefined);
    const where = `${method} ${route.template} ${status}`;
    if (named === undefined) return status === 500 ? [] : [`${where}: the document knows only ${Object.keys(responses).join(', ')}`];
    this.seen.add(where);
    const { content } = responses[named]!;
    if (content === undefined) return body === '' || body === undefined ? [] : [`${where}: a body, where the document promises none`];
    const type = contentType.split(';')[0]!.trim();
    const form = content[type];
    if (form === undefined) return [`${where}: ${type || 'no type'}, where the document promises ${Object.keys(content).join(', ')}`];
    if (type !== 'application/json') return [];
    const validate = this.#validatorOf(`${method} ${route.template} ${named}`, form.schema ?? {});
    return validate(body) ? [] : (validate.errors ?? []).map((error) => `${where}: ${error.instancePath || 'the answer'} ${error.message}${'additionalProperty' in error.params ? ` (${String(error.params['additionalProperty'])})` : ''}`);
  }

  #validatorOf(name: string, schema: object): ValidateFunction {
    let validate = this.#validators.get(name);
    if (validate === undefined) this.#validators.set(name, (validate = this.#ajv.compile(closed(schema) as object)));
    return validate;
  }
}

/** Without room for fields that are not named, where nothing is said of them. */
function closed(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(closed);
  if (typeof part !== 'object' || part === null) return part;
  const fields = Object.fromEntries(Object.entries(part).map(([name, value]) => [name, name === '$ref' && typeof value === 'string' ? value.replace(/^#/, 'document#') : closed(value)]));
  return 'properties' in fields && fields['type'] === 'object' && !('additionalProperties' in fields) ? { ...fields, additionalProperties: false } : fields;
}
