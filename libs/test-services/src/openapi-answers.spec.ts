import { expect, it } from 'vitest';
import { OpenApiAnswers } from './openapi-answers.js';

const answers = new OpenApiAnswers({
  paths: {
    '/things/list': { get: { responses: { 200: { content: { 'application/json': { schema: { type: 'array', items: { $ref: '#/components/schemas/Thing' } } } } } } } },
    '/things/{id}': {
      get: { responses: { 200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } }, 'text/plain': { schema: { type: 'string' } } } }, '4XX': { content: { 'application/json': { schema: { type: 'object', required: ['detail'], properties: { detail: {} } } } } } } },
      delete: { responses: { 204: {} } },
    },
  },
  components: { schemas: { Thing: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, made: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] }, extra: { type: 'object', additionalProperties: {} } } } } },
});
const heard = (status: number, body: unknown, path = '/things/1', contentType = 'application/json; charset=utf-8', method = 'GET'): readonly string[] => answers.problemsOf({ method, path, status, contentType, body });

it('is content with what the document promises, and with what it does not speak of', () => {
  expect(heard(200, { name: 'a', made: '2026-05-23T04:48:14.310000Z', extra: { any: 1 } })).toEqual([]);
  expect(heard(200, 'a', '/things/1?full=true', 'text/plain')).toEqual([]);
  expect(heard(404, { detail: 'no' })).toEqual([]);
  expect(heard(200, [{ name: 'a', made: null }], '/things/list')).toEqual([]);
  expect(heard(204, '', '/things/1', '', 'DELETE')).toEqual([]);
  expect(heard(200, 'x', '/elsewhere')).toEqual([]);
  expect([...answers.seen]).toContain('GET /things/list 200');
});

it.each([
  ['a field is missing', () => heard(200, {}), "must have required property 'name'"],
  ['a field nobody named', () => heard(200, { name: 'a', colour: 1 }), 'must NOT have additional properties (colour)'],
  ['a null that was not promised', () => heard(200, { name: null }), '/name must be string'],
  ['a time that is none', () => heard(200, { name: 'a', made: 'yesterday' }), '/made must match format "date-time"'],
  ['deep inside', () => heard(200, [{ name: 'a' }, { name: 1 }], '/things/list'), '/1/name must be string'],
  ['another form', () => heard(200, '<p>', '/things/1', 'text/html'), 'text/html, where the document promises application/json, text/plain'],
  ['another status', () => heard(201, { name: 'a' }), 'the document knows only 200, 4XX'],
  ['a refusal without its sentence', () => heard(409, { message: 'no' }), "must have required property 'detail'"],
  ['a body where none is', () => heard(204, 'x', '/things/1', '', 'DELETE'), 'a body, where the document promises none'],
])('tells of %s', (_what, problems, sentence) => {
  expect(problems().join('\n')).toContain(sentence);
});
