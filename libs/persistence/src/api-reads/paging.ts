import type { QueryResultRow } from 'pg';
import { MillraceError } from '@millrace/vocabulary';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface PageRequest {
  readonly limit: number;
  readonly offset: number;
  /** Names of the subject's order table, `-` in front for descending. */
  readonly orderBy: readonly string[];
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** All rows that match, not only this page's. */
  readonly total: number;
}

/** Bounds of a time or number; a missing bound does not bound. */
export interface Range<T> {
  readonly gte?: T | undefined;
  readonly gt?: T | undefined;
  readonly lte?: T | undefined;
  readonly lt?: T | undefined;
}

/** What callers may order by: API name → SQL expression. Nullable ones sort nulls last in both directions, as Airflow does. */
export type OrderTable = Readonly<Record<string, string | { readonly nullable: string }>>;

/** Conditions joined by `and`, with their values numbered. `?` in the text stands for the value. */
export class Filter {
  readonly values: unknown[] = [];
  readonly #conditions: string[] = [];

  and(condition: string, ...values: readonly unknown[]): this {
    let next = 0;
    this.#conditions.push(condition.replaceAll('?', () => this.value(values[next++])));
    return this;
  }

  /** Adds the condition only when there is a value. */
  when(value: unknown, condition: string): this {
    return value === undefined || value === null ? this : this.and(condition, value);
  }

  /** Adds the condition when the list is not empty; the value is the list. */
  whenAny(values: readonly unknown[] | undefined, condition: string): this {
    return values === undefined || values.length === 0 ? this : this.and(condition, values);
  }

  /** Only rows of dags that whoever asks may see. @param column an SQL expression for the dag's id */
  visible(column: string, visible: VisibleDags): this {
    const ids = visible();
    return ids === null ? this : this.and(`${column} = any(?::text[])`, ids);
  }

  range(expression: string, range: Range<unknown> | undefined): this {
    this.when(range?.gte, `${expression} >= ?`).when(range?.gt, `${expression} > ?`);
    return this.when(range?.lte, `${expression} <= ?`).when(range?.lt, `${expression} < ?`);
  }

  /** Airflow's search: part of the text, `%` and `_` as in LIKE, several alternatives with `|`; `~` and nothing match all. */
  pattern(expression: string, pattern: string | null | undefined): this {
    if (pattern === undefined || pattern === null || pattern === '' || pattern === '~') return this;
    const alternatives = pattern.split('|').map((part) => part.trim()).filter((part) => part !== '');
    return alternatives.length === 0 ? this : this.and(`${expression} ilike any (?::text[])`, alternatives.map((part) => `%${part}%`));
  }

  value(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  get where(): string {
    return this.#conditions.length === 0 ? '' : `where ${this.#conditions.map((condition) => `(${condition})`).join(' and ')}`;
  }
}

/** More matches than this are not counted one by one: the total is the planner's estimate then. */
export const COUNTED_UP_TO = 25_000;
/** In the planner's units (1: a page read in order). Counting what costs more, because no index leads to it, would take longer than reading the page. */
const COUNT_COST_MAX = 100_000;

export interface PageQuery {
  /** `select`, `from` and `lookups` are constants of the reader; nothing of a caller's is ever pasted in. */
  readonly select: string;
  /** Several: their rows under the same names, put together. Each is read in order, and no further than the page needs. */
  readonly from: string | readonly string[];
  /**
   * Joins that find exactly one row for each of `from`, alias → text, in the order in which they build on each other. Who only counts
   * leaves out those that no condition speaks of.
   */
  readonly lookups?: Readonly<Record<string, string>>;
  readonly filter: Filter;
  readonly order: OrderTable;
  /** Columns, after what the caller orders by. */
  readonly tieBreaker: string;
  readonly page: PageRequest;
  /** Instead of `from`, to count. */
  readonly countFrom?: string;
}

/**
 * One page and the number of all. The number is exact up to {@link COUNTED_UP_TO}, if counting is cheap; else it is estimated, but always more
 * than what was paged through while there are further rows, and exact on the last page: a client that asks until it has `total` rows gets every row.
 */
export async function readPage<Row extends QueryResultRow>(db: SqlRunner, query: PageQuery): Promise<Page<Row>> {
  const { filter, page } = query;
  const values = [...filter.values];
  const { where } = filter;
  const found = await readRows<Row>(db, query, where);
  const rows = found.slice(0, page.limit);
  const isLast = found.length <= page.limit;
  if (isLast && (found.length > 0 || page.offset === 0)) return { rows, total: page.offset + found.length };

  const lookups = neededLookups(query.lookups ?? {}, where);
  const sources = [query.countFrom ?? query.from].flat().map((from) => `select from ${[from, ...lookups].join(' ')} ${where}`);
  const counted = sources.length === 1 ? sources[0]! : sources.map((one) => `(${one})`).join(' union all ');
  const total = (await countedRows(db, counted, values)) ?? (await planOf(db, counted, values)).rows;
  return { rows, total: isLast ? Math.min(total, page.offset) : Math.max(total, page.offset + found.length) };
}

/** One more than asked for: that tells whether there are further rows. */
async function readRows<Row extends QueryResultRow>(db: SqlRunner, { select, from, lookups = {}, filter, order, tieBreaker, page }: PageQuery, where: string): Promise<readonly Row[]> {
  const terms = orderTerms(page.orderBy, order, tieBreaker);
  const orderBy = (expressionOf: (term: OrderTerm, index: number) => string): string => terms.map((term, index) => `${expressionOf(term, index)} ${term.direction}`).join(', ');
  const limit = `${filter.value(page.limit + 1)}::bigint`;
  const offset = `${filter.value(page.offset)}::bigint`;
  const sources = [from].flat().map((one) => [one, ...Object.values(lookups), where].join(' '));
  const ordered = orderBy(({ expression }) => expression);
  if (sources.length === 1) return (await db.query<Row>(`select ${select} from ${sources[0]} order by ${ordered} limit ${limit} offset ${offset}`, filter.values)).rows;

  const keys = terms.map(({ expression }, index) => `${expression} as order_${index}`).join(', ');
  const branches = sources.map((source) => `(select ${select}, ${keys} from ${source} order by ${ordered} limit ${limit} + ${offset})`).join(' union all ');
  const { rows } = await db.query<Row>(`select * from (${branches}) as branches order by ${orderBy((_, index) => `order_${index}`)} limit ${limit} offset ${offset}`, filter.values);
  return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith('order_'))) as Row);
}

/** Null: more than are counted, or too dear to count. */
async function countedRows(db: SqlRunner, statement: string, values: unknown[]): Promise<number | null> {
  const some = `${statement} limit ${COUNTED_UP_TO + 1}`;
  if ((await planOf(db, some, values)).cost > COUNT_COST_MAX) return null;
  const { rows: [count] } = await db.query<{ total: number }>(`select count(*)::int as total from (${some}) counted`, values);
  return count!.total <= COUNTED_UP_TO ? count!.total : null;
}

/** Of lookups that build on each other, those that the conditions, or another needed one, name. */
function neededLookups(lookups: Readonly<Record<string, string>>, where: string): readonly string[] {
  const needed: string[] = [];
  let named = where;
  for (const [alias, join] of Object.entries(lookups).toReversed()) {
    if (!new RegExp(`\\b${alias}\\.`).test(named)) continue;
    needed.unshift(join);
    named += join;
  }
  return needed;
}

async function planOf(db: SqlRunner, statement: string, values: unknown[]): Promise<{ readonly rows: number; readonly cost: number }> {
  const { rows: [row] } = await db.query<{ 'QUERY PLAN': readonly [{ readonly Plan: { readonly 'Plan Rows': number; readonly 'Total Cost': number } }] }>(`explain (format json) ${statement}`, values);
  const plan = row!['QUERY PLAN'][0].Plan;
  return { rows: plan['Plan Rows'], cost: plan['Total Cost'] };
}

interface OrderTerm {
  readonly expression: string;
  readonly direction: string;
}

function orderTerms(names: readonly string[], table: OrderTable, tieBreaker: string): readonly OrderTerm[] {
  const asked = names.map((name): OrderTerm => {
    const descending = name.startsWith('-');
    const key = descending ? name.slice(1) : name;
    const entry = Object.hasOwn(table, key) ? table[key] : undefined;
    if (entry === undefined) {
      throw new MillraceError('bad_request', `Ordering with '${key}' is disallowed or the attribute does not exist on the model. Possible: ${Object.keys(table).join(', ')}`);
    }
    const direction = descending ? 'desc' : 'asc';
    return typeof entry === 'string' ? { expression: entry, direction } : { expression: entry.nullable, direction: `${direction} nulls last` };
  });
  return [...asked, ...tieBreaker.split(', ').map((expression): OrderTerm => ({ expression, direction: 'asc' }))];
}
