import type { FindOptionsOrder, FindOptionsWhere, ObjectLiteral, Repository } from 'typeorm';
import { MillraceError } from '@millrace/vocabulary';

/** One page of a settings table and the number of all rows. `order` names what may be ordered by: API name → property. */
export async function entityPage<Entity extends ObjectLiteral>(
  repository: Repository<Entity>,
  where: FindOptionsWhere<Entity>,
  order: Readonly<Record<string, keyof Entity & string>>,
  values: { readonly limit: number; readonly offset: number; readonly order_by: readonly string[] },
  limitMax: number,
): Promise<[Entity[], number]> {
  const by: Record<string, 'ASC' | 'DESC'> = {};
  for (const name of values.order_by) {
    const key = name.replace(/^-/, '');
    const property = Object.hasOwn(order, key) ? order[key] : undefined;
    if (property === undefined) throw new MillraceError('bad_request', `Ordering with '${key}' is disallowed or the attribute does not exist on the model. Possible: ${Object.keys(order).join(', ')}`);
    by[property] = name.startsWith('-') ? 'DESC' : 'ASC';
  }
  const take = Math.min(values.limit, limitMax);
  if (take === 0) return [[], await repository.countBy(where)];
  return repository.findAndCount({ where, order: by as FindOptionsOrder<Entity>, take, skip: values.offset });
}
