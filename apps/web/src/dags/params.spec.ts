import { describe, expect, it } from 'vitest';
import type { Param } from '../rest/shapes.js';
import { fieldsOf, valueOf } from './params.js';

const param = (value: unknown, schema: Record<string, unknown> = {}): Param => ({ value, schema, description: null });

describe('a form made of params', () => {
  it.each([
    [param('eu', { enum: ['eu', 'us'] }), 'choice', 'eu', 'us', 'us'],
    [param(3, { enum: [1, 2, 3] }), 'choice', '3', '1', 1],
    [param(true), 'boolean', true, false, false],
    [param(5, { type: 'integer' }), 'integer', '5', '7', 7],
    [param(0.5, { type: 'number' }), 'number', '0.5', '1.25', 1.25],
    [param('2026-11-23', { type: 'string', format: 'date' }), 'date', '2026-11-23', '2026-11-24', '2026-11-24'],
    [param('2026-11-23T00:00:00Z', { type: 'string', format: 'date-time' }), 'instant', '2026-11-23T08:00', '2026-11-24T08:00', '2026-11-24T00:00:00.000Z'],
    [param([1], { type: 'array', items: { type: 'integer', enum: [1, 2] } }), 'choices', ['1'], ['1', '2'], [1, 2]],
    [param({ a: 1 }, { type: 'object' }), 'json', '{\n  "a": 1\n}', '{"b":2}', { b: 2 }],
    [param(['a', 'b'], { type: 'array', items: { type: 'string' } }), 'list', 'a\nb', 'c\n\nd ', ['c', 'd']],
    [param(['a'], { type: 'array', examples: ['a', 'b'] }), 'choices', ['a'], ['a', 'b'], ['a', 'b']],
    [param([1, 2], { type: 'array', items: { type: 'integer' } }), 'json', '[\n  1,\n  2\n]', '[3]', [3]],
    [param('text'), 'text', 'text', '', ''],
    [param(null, { type: ['string', 'null'] }), 'text', '', '', null],
    [param(null, { type: ['integer', 'null'] }), 'integer', '', '', null],
  ])('%j is asked for as %s', (given, kind, initial, content, value) => {
    const params = { it: given };
    const [field] = fieldsOf(params, 'Asia/Shanghai');
    expect([field!.kind, field!.initial]).toEqual([kind, initial]);
    expect(valueOf(field!, content as string, params, 'Asia/Shanghai')).toEqual(value);
  });

  it.each([['integer', '1.5', 'a whole number'], ['number', 'x', 'a number'], ['object', '{', 'not JSON'], ['integer', '', 'a value is needed']])('a %s of %j is refused in words', (type, content, words) => {
    const params = { it: param(type === 'object' ? {} : 1, { type, title: 'It' }) };
    expect(() => valueOf(fieldsOf(params, 'Asia/Shanghai')[0]!, content, params, 'UTC')).toThrow(words);
  });
});
