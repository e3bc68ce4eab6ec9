import type { Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RequestMethod } from '@nestjs/common';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { z } from 'zod';
import { integerPath } from '../validation/integer-path.js';
import { SchemaPipe } from '../validation/schema-pipe.js';
import { answerSchemas, schemaOf } from './answer-schemas.js';
import { ANSWERED, NEEDS, OPERATION } from './operation.js';
import type { AnswerFacts, Needs } from './operation.js';
import { OPERATIONS } from './operations.js';
import type { OperationFacts } from './operations.js';

type Json = Readonly<Record<string, unknown>>;

interface RouteArgument {
  readonly index: number;
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
}

/** What programs are told of; the reads of the web UI are between it and this api. */
const SERVED = /^\/(api\/v2|api\/millrace\/v1|auth)\//;
const BEARER = 'OAuth2PasswordBearer';
/** Of requests that carry a JSON body but check it themselves. */
const CREDENTIALS = {
  type: 'object', additionalProperties: false, required: ['username', 'password'],
  properties: { username: { type: 'string', minLength: 1, maxLength: 250 }, password: { type: 'string', minLength: 1, maxLength: 1_000, format: 'password' } },
};
const BODIES: Readonly<Record<string, Json>> = { 'POST /auth/token': CREDENTIALS, 'POST /auth/token/cli': CREDENTIALS };

/** The OpenAPI document of what these controllers answer, made from their routes, from the very schemas that check requests, and from those that type their answers. */
export function openApiDocument(controllers: readonly Type[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of controllers.flatMap(routesOf).sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))) {
    if (!SERVED.test(route.path)) continue;
    (paths[route.path.replace(/:(\w+)/g, '{$1}')] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace API', version,
      description: 'Below /api/v2: the REST API of Apache Airflow. Below /api/millrace/v1: what Airflow does not have. Errors are `{"detail": …}`.',
    },
    paths,
    components: {
      securitySchemes: { [BEARER]: { type: 'oauth2', description: 'A token of `POST /auth/token`, sent as `Authorization: Bearer …`.', flows: { password: { tokenUrl: '/auth/token', scopes: {} } } }, HTTPBearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Refusal: REFUSAL, ValidationRefusal: VALIDATION_REFUSAL, ...answerSchemas(paths) },
    },
  };
}

const REFUSAL = { type: 'object', required: ['detail'], properties: { detail: { description: 'A sentence, or an object that says more.' } } };
const VALIDATION_REFUSAL = {
  type: 'object', required: ['detail'],
  properties: {
    detail: {
      anyOf: [
        { type: 'string' },
        { type: 'array', items: { type: 'object', required: ['loc', 'msg', 'type'], properties: { loc: { type: 'array', items: { type: ['string', 'integer'] } }, msg: { type: 'string' }, type: { type: 'string' }, input: {} } } },
      ],
    },
  },
};

interface FoundRoute {
  readonly controller: Type;
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly operationId: string;
  readonly needs: Needs | undefined;
  readonly answer: AnswerFacts;
  readonly args: readonly (readonly [RouteParamtypes, RouteArgument])[];
}

function routesOf(controller: Type): FoundRoute[] {
  return Object.getOwnPropertyNames(controller.prototype).flatMap((name) => {
    const handler: unknown = Object.getOwnPropertyDescriptor(controller.prototype, name)?.value;
    if (name === 'constructor' || typeof handler !== 'function') return [];
    const path = Reflect.getMetadata('path', handler) as string | undefined;
    if (path === undefined) return [];
    const args = Object.entries((Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as Record<string, RouteArgument>);
    const method = RequestMethod[Reflect.getMetadata('method', handler) as RequestMethod];
    return [{
      controller, name, path, method,
      status: Reflect.getMetadata('__httpCode__', handler) as number,
      operationId: (Reflect.getMetadata(OPERATION, handler) as string | undefined) ?? ownOperationId(method, path),
      needs: Reflect.getMetadata(NEEDS, handler) as Needs | undefined,
      answer: (Reflect.getMetadata(ANSWERED, handler) as AnswerFacts | undefined) ?? NO_BODY,
      // Of decorators that read something else of the request, the key is no number.
      args: args.flatMap(([key, argument]) => (/^\d+:/.test(key) ? [[Number(key.split(':')[0]) as RouteParamtypes, argument] as const] : [])),
    }];
  });
}

/** e.g. `post_dags_dag_id_release`. */
function ownOperationId(method: string, path: string): string {
  return [method.toLowerCase(), ...path.replace(/^\/(api\/millrace\/v1\/)?/, '').split('/')].join('_').replace(/[:.-]/g, '').toLowerCase();
}

function operationOf(route: FoundRoute): Json {
  const parameters: Json[] = [];
  const named = new Set<unknown>();
  let body: Json | null = BODIES[`${route.method} ${route.path}`] ?? null;
  let bodyNeeded = body !== null;
  for (const [kind, { data, pipes = [] }] of route.args.toSorted((a, b) => a[1].index - b[1].index)) {
    const schema = pipes.find((pipe) => pipe instanceof SchemaPipe)?.schema;
    if (kind === RouteParamtypes.PARAM) {
      named.add(data);
      parameters.push({ name: data, in: 'path', required: true, schema: pipes.includes(integerPath) ? { type: 'integer' } : { type: 'string' } });
    } else if (kind === RouteParamtypes.QUERY && schema !== undefined) {
      parameters.push(...queryParameters(schema));
    } else if (kind === RouteParamtypes.QUERY && typeof data === 'string') {
      parameters.push({ name: data, in: 'query', required: false, schema: { type: 'array', items: { type: 'string' } } });
    } else if (kind === RouteParamtypes.HEADERS && typeof data === 'string') {
      parameters.push({ name: data, in: 'header', required: false, schema: { type: 'string' } });
    } else if (kind === RouteParamtypes.BODY && schema !== undefined) {
      body = jsonSchema(schema);
      bodyNeeded = !schema.safeParse(undefined).success;
    }
  }
  for (const [, name] of route.path.matchAll(/:(\w+)/g)) if (!named.has(name)) parameters.push({ name, in: 'path', required: true, schema: { type: 'string' } });
  return {
    operationId: route.operationId,
    tags: [route.controller.name.replace(/Controller$/, '')],
    ...(route.needs === 'public' || route.needs === undefined ? { security: [] } : { security: [{ [BEARER]: [] }, { HTTPBearer: [] }], 'x-millrace-needs': route.needs === 'self' ? 'self' : `${route.needs.action} ${route.needs.resource}` }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body === null ? {} : { requestBody: { required: bodyNeeded, content: { 'application/json': { schema: body } } } }),
    responses: {
      ...Object.fromEntries([route.status, ...route.answer.alsoWith].map((status) => [status, successOf(route)])),
      ...(route.needs === 'public' ? {} : { 401: refusal('No token, or one that is no longer good'), 403: refusal('Not allowed') }),
      ...Object.fromEntries(refusalsOf(route).map((status) => [status, refusal(REFUSED[status]!)])),
      '4XX': refusal('Refused; the detail says why'),
      ...(parameters.length > 0 || body !== null ? { 422: { description: 'The request does not fit its schema', content: { 'application/json': { schema: { $ref: '#/components/schemas/ValidationRefusal' } } } } } : {}),
      503: refusal('The database does not answer at the moment'),
    },
  };
}

const NO_BODY: AnswerFacts = { schema: null, alsoAs: [], alsoWith: [] };
const REFUSED: Readonly<Record<number, string>> = { 400: 'The request makes no sense as it is', 404: 'Not found', 406: 'Not in any form the caller accepts', 409: 'Not as things are now' };

function successOf({ status, answer }: FoundRoute): Json {
  if (status === 302) return { description: 'Elsewhere' };
  if (answer.schema === null && answer.alsoAs.length === 0) return { description: 'Done; no body' };
  const forms = [...(answer.schema === null ? [] : [['application/json', schemaOf(answer.schema)] as const]), ...answer.alsoAs.map((type) => [type, { type: 'string' }] as const)];
  return { description: 'Success', content: Object.fromEntries(forms.map(([type, schema]) => [type, { schema }])) };
}

function refusalsOf({ operationId, path }: FoundRoute): readonly number[] {
  const facts = (OPERATIONS as Readonly<Record<string, OperationFacts>>)[operationId];
  return facts?.refuses ?? (path.includes(':') ? [404] : []);
}

function refusal(description: string): Json {
  return { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } } };
}

function queryParameters(schema: z.ZodType): Json[] {
  const { properties = {}, required = [] } = jsonSchema(schema) as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(properties).map(([name, of]) => ({ name, in: 'query', required: required.includes(name), schema: of }));
}

/** Of what a caller sends, before defaults and transformations. */
function jsonSchema(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', target: 'draft-2020-12' }) as Record<string, unknown>;
  return rest;
}
