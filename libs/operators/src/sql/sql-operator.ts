import { isAbsolute, join } from 'node:path';
import { Operator } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';
import { needText, oneOf, optionalFunction, optionalText, wholeNumber } from '../options/check-options.js';
import { saveRows } from './save-rows.js';
import { openSql } from './open-sql.js';
import type { SqlDatabase, SqlParameters, SqlResult, SqlRow } from './sql-database.js';
import { splitStatements } from './sql-text.js';

export interface SqlOperatorOptions<Result = unknown> extends OperatorOptions {
  /** A connection of type postgres, mysql or mariadb. */
  readonly connectionId: string;
  /** One statement, or several separated by `;`, or a list. A file: `import query from './daily.sql'`. Template. */
  readonly sql: string | readonly string[];
  /** Values of `:name` in any statement; or a list, of `$1` (PostgreSQL) or `?` (MySQL) in a single one. Never put values into the text: it is SQL. Template. @default none */
  readonly parameters?: SqlParameters;
  /** All statements or none. False for what cannot be part of a transaction, e.g. VACUUM. @default true */
  readonly transaction?: boolean;
  /** What the task returns: the rows of the last statement, a list with those of each, or how many rows each changed or gave. @default 'last' */
  readonly returns?: 'last' | 'all' | 'counts';
  /** Makes the task's result of the rows of the last statement. */
  readonly handler?: (rows: readonly SqlRow[], context: TaskContext) => Result | Promise<Result>;
  /** More rows to return fail the try: large results belong into a file. @default 10,000 */
  readonly maxRows?: number;
  /**
   * The rows of the last statement go to this file in constant memory, as CSV (`.csv`) or a JSON object a line; the task returns `{ file, rows }`.
   * Absolute, or below the folder the tasks of a run share (`placement: 'single-worker'`). Template.
   */
  readonly saveTo?: string;
  /** Rows fetched at once for `saveTo`. @default 1000 */
  readonly batchRows?: number;
}

/** Runs SQL in PostgreSQL, MySQL or MariaDB. */
export class SqlOperator<Result = unknown> extends Operator<Result> {
  static override readonly uiColor: string = '#cdaaed';
  override readonly templateFields: readonly string[] = ['sql', 'parameters', 'saveTo'];
  readonly connectionId: string;
  readonly sql: string | readonly string[];
  readonly parameters: SqlParameters | undefined;
  readonly transaction: boolean;
  readonly returns: 'last' | 'all' | 'counts';
  readonly maxRows: number;
  readonly saveTo: string | undefined;
  readonly batchRows: number;
  private readonly handler: SqlOperatorOptions<Result>['handler'];

  constructor(id: string, options: SqlOperatorOptions<Result>) {
    super(id, options);
    this.connectionId = needText(this.taskId, 'connectionId', options?.connectionId);
    this.sql = checkedSql(this.taskId, options.sql);
    const { parameters } = options;
    if (parameters !== undefined && (typeof parameters !== 'object' || parameters === null)) throw new TypeError(`task "${this.taskId}": parameters must be a list or an object of names, got ${typeof parameters}`);
    if (Array.isArray(parameters) && Array.isArray(this.sql) && this.sql.length > 1) throw new TypeError(`task "${this.taskId}": a list of parameters belongs to a single statement; name them (:name) to use them in several`);
    this.parameters = parameters;
    this.transaction = options.transaction ?? true;
    this.returns = oneOf(this.taskId, 'returns', options.returns, ['last', 'all', 'counts'], 'last');
    this.handler = optionalFunction(this.taskId, 'handler', options.handler);
    this.maxRows = wholeNumber(this.taskId, 'maxRows', options.maxRows, 10_000);
    this.saveTo = optionalText(this.taskId, 'saveTo', options.saveTo);
    this.batchRows = wholeNumber(this.taskId, 'batchRows', options.batchRows, 1_000);
    if (this.saveTo !== undefined && (this.handler !== undefined || this.returns !== 'last')) throw new TypeError(`task "${this.taskId}": with saveTo the task returns { file, rows }; leave handler and returns out`);
  }

  override async execute(context: TaskContext): Promise<Result> {
    await using database = await openSql(this.connectionId, context);
    const statements = (typeof this.sql === 'string' ? [this.sql] : this.sql).flatMap((script) => splitStatements(script, database.dialect));
    if (statements.length === 0) throw new Error('sql holds no statement: nothing but comments and space');
    if (Array.isArray(this.parameters) && statements.length > 1) throw new Error(`a list of parameters belongs to a single statement, and sql holds ${statements.length}; name them (:name) to use them in several`);
    const work = (): Promise<Result> => this.#run(database, statements, context);
    // Awaited here: the connection is closed when this block is left.
    return await (this.transaction ? database.transaction(work) : work());
  }

  async #run(database: SqlDatabase, statements: readonly string[], context: TaskContext): Promise<Result> {
    const results: SqlResult[] = [];
    for (const [index, statement] of statements.entries()) {
      context.log.info(`Running statement ${index + 1} of ${statements.length}: ${statement}`);
      const isLast = index === statements.length - 1;
      if (isLast && this.saveTo !== undefined) {
        const saved = await saveRows(database.batches(statement, this.parameters, this.batchRows), this.#file(this.saveTo, context));
        context.log.info(`${saved.rows} rows saved to ${saved.file}`);
        return saved as Result;
      }
      // No more than what may be returned is ever held.
      const result = await this.#limited(database, statement, isLast || this.returns === 'all');
      context.log.info(`${result.rowCount} rows`);
      results.push(result);
    }
    const last = results.at(-1)?.rows ?? [];
    if (this.handler !== undefined) return this.handler(last, context);
    if (this.returns === 'counts') return results.map((result) => result.rowCount) as Result;
    return (this.returns === 'all' ? results.map((result) => result.rows) : last) as Result;
  }

  async #limited(database: SqlDatabase, statement: string, isWanted: boolean): Promise<SqlResult> {
    const result = await database.query(statement, this.parameters);
    if (isWanted && this.returns !== 'counts' && result.rows.length > this.maxRows) {
      throw new Error(`the statement returned ${result.rows.length} rows, and maxRows is ${this.maxRows}; let saveTo name a file for them, or raise maxRows`);
    }
    return result;
  }

  #file(file: string, context: TaskContext): string {
    return isAbsolute(file) ? file : join(context.runScratchDir, file);
  }
}

/** @throws TypeError for what is no SQL, and for the name of a file where its text belongs */
export function checkedSql(taskId: string, sql: unknown): string | readonly string[] {
  const texts = Array.isArray(sql) ? (sql as unknown[]) : [sql];
  if (texts.length === 0) throw new TypeError(`task "${taskId}": sql must hold a statement`);
  for (const text of texts) {
    needText(taskId, 'sql', text);
    if (/^[^\s;]+\.sql$/.test((text as string).trim())) throw new TypeError(`task "${taskId}": sql is the text of a statement, not the name of a file; write \`import query from './${(text as string).trim().split('/').at(-1)}'\` and give query`);
  }
  return sql as string | readonly string[];
}
