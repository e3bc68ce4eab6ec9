import { describe, expect, it } from 'vitest';
import { Filter } from './paging.js';

describe('a filter', () => {
  it('numbers its values in the order of its conditions, and leaves out what is not asked for', () => {
    const filter = new Filter().when('etl', 'd.dag_id = ?').when(undefined, 'd.x = ?').when(null, 'd.y = ?').whenAny([], 'd.z = any(?)').whenAny(['a'], 'd.tags && ?').and('a = ? or b = ?', 1, 2);
    expect(filter.where).toBe('where (d.dag_id = $1) and (d.tags && $2) and (a = $3 or b = $4)');
    expect(filter.values).toEqual(['etl', ['a'], 1, 2]);
  });

  it('is nothing when nothing is asked for', () => {
    expect(new Filter().range('r.at', {}).pattern('d.x', '~').pattern('d.x', ' | ').where).toBe('');
  });

  it.each([
    ['etl', ['%etl%']],
    ['a | b', ['%a%', '%b%']],
    ['%x_', ['%%x_%']],
    ["'; drop table dag; --", ["%'; drop table dag; --%"]],
  ])('searches %j as a value, never as text of the statement', (pattern, values) => {
    const filter = new Filter().pattern('d.dag_id', pattern);
    expect(filter.where).toBe('where (d.dag_id ilike any ($1::text[]))');
    expect(filter.values).toEqual([values]);
  });

  it('bounds a range on each side that is given', () => {
    const filter = new Filter().range('r.duration', { gte: 1, lt: 2 });
    expect(filter.where).toBe('where (r.duration >= $1) and (r.duration < $2)');
  });
});
