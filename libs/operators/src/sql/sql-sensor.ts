import { Sensor, fail, sensed } from '@millrace/sdk';
import type { PokeAnswer, SensorOptions, TaskContext } from '@millrace/sdk';
import { needText, optionalFunction } from '../options/check-options.js';
import { openSql } from './open-sql.js';
import type { SqlParameters, SqlRow } from './sql-database.js';
import { checkedSql } from './sql-operator.js';

export interface SqlSensorOptions extends SensorOptions {
  /** A connection of type postgres, mysql or mariadb. */
  readonly connectionId: string;
  /** One statement. It is there when the first column of the first row is true: not null, false, 0, '0' or ''. Template. */
  readonly sql: string;
  /** As of `SqlOperator`. Template. @default none */
  readonly parameters?: SqlParameters;
  /** Decides instead of the first column. */
  readonly success?: (row: SqlRow) => boolean;
  /** True fails the task whatever retries are left. */
  readonly failure?: (row: SqlRow) => boolean;
  /** No row at all fails the task instead of "not yet". @default false */
  readonly failOnEmpty?: boolean;
}

/** Asks a database until it answers as wanted; returns the row. */
export class SqlSensor extends Sensor<SqlRow> {
  static override readonly uiColor: string = '#7c7287';
  override readonly templateFields: readonly string[] = ['sql', 'parameters'];
  readonly connectionId: string;
  readonly sql: string;
  readonly parameters: SqlParameters | undefined;
  readonly failOnEmpty: boolean;
  private readonly success: SqlSensorOptions['success'];
  private readonly failure: SqlSensorOptions['failure'];

  constructor(id: string, options: SqlSensorOptions) {
    super(id, options);
    this.connectionId = needText(this.taskId, 'connectionId', options?.connectionId);
    this.sql = checkedSql(this.taskId, needText(this.taskId, 'sql', options.sql)) as string;
    this.parameters = options.parameters;
    this.success = optionalFunction(this.taskId, 'success', options.success);
    this.failure = optionalFunction(this.taskId, 'failure', options.failure);
    this.failOnEmpty = options.failOnEmpty ?? false;
  }

  override async poke(context: TaskContext): Promise<PokeAnswer<SqlRow>> {
    await using database = await openSql(this.connectionId, context);
    const { rows } = await database.query(this.sql, this.parameters);
    const [row] = rows;
    if (row === undefined) return this.failOnEmpty ? fail('the statement returned no row (failOnEmpty)') : false;
    if (this.failure?.(row) === true) fail('the row says that it failed');
    return sensed(row, this.success === undefined ? isTrue(Object.values(row)[0]) : this.success(row));
  }
}

function isTrue(cell: unknown): boolean {
  return !(cell === null || cell === undefined || cell === false || cell === 0 || cell === '0' || cell === '');
}
