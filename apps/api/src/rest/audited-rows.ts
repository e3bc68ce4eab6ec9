import type { DataSource, DeepPartial, EntityManager, EntityTarget, FindOptionsWhere, ObjectLiteral, Repository } from 'typeorm';
import { MASK, auditRunner } from '@millrace/access';
import { writeAudit } from '@millrace/persistence';
import { maskText } from '@millrace/telemetry';
import { ownedBySomeoneIn } from './security/owned-by-teams.js';
import { currentScope } from './security/request-scope.js';

/** A table of settings, and what the audit log shows of its rows. */
export interface AuditedTable<Row> {
  readonly entity: EntityTarget<Row>;
  readonly key: keyof Row & string;
  /** The audit log's name of the key. */
  readonly keyName: string;
  /** Without anything secret. */
  shown(row: Row): Readonly<Record<string, unknown>>;
  /** Columns whose values are never shown, with their names for people: the log says that they were replaced. */
  readonly secrets: Readonly<Partial<Record<keyof Row & string, string>>>;
}

/**
 * Changes of pools, variables and connections. Each is one transaction with its line in the audit log, which says what the row was under its lock and what it
 * became: lines of one row follow each other, and what cannot be written down is not done.
 */
export class AuditedRows<Row extends ObjectLiteral> {
  constructor(
    private readonly entities: DataSource,
    private readonly table: AuditedTable<Row>,
  ) {}

  /** False: there is one of this name, maybe somebody else's. */
  insert(name: string, row: DeepPartial<Row>): Promise<boolean> {
    return this.entities.transaction(async (manager) => {
      const inserted = await this.#rows(manager).createQueryBuilder().insert().values({ ...row, [this.table.key]: name } as never).orIgnore().returning([this.table.key]).execute();
      if ((inserted.raw as unknown[]).length === 0) return false;
      await this.#write(manager, name, null, []);
      return true;
    });
  }

  /**
   * @param changeOf from the row as it is, under its lock; what it throws leaves everything as it was
   * @returns false when the caller sees no row of this name
   */
  change(name: string, changeOf: (row: Row) => Partial<Row>): Promise<boolean> {
    return this.#onLocked(name, async (manager, row) => {
      const change = changeOf(row);
      const before = this.table.shown(row);
      if (Object.keys(change).length > 0) await this.#rows(manager).update(this.#named(name), change as never);
      await this.#write(manager, name, before, Object.keys(change));
    });
  }

  delete(name: string): Promise<boolean> {
    return this.#onLocked(name, async (manager, row) => {
      await this.#rows(manager).delete(this.#named(name));
      await this.#write(manager, name, this.table.shown(row), []);
    });
  }

  #onLocked(name: string, work: (manager: EntityManager, row: Row) => Promise<void>): Promise<boolean> {
    return this.entities.transaction(async (manager) => {
      const row = await this.#rows(manager).findOne({ where: { ...this.#named(name), ...ownedBySomeoneIn() } as FindOptionsWhere<Row>, lock: { mode: 'pessimistic_write' } });
      if (row === null) return false;
      await work(manager, row);
      return true;
    });
  }

  async #write(manager: EntityManager, name: string, before: unknown, changed: readonly string[]): Promise<void> {
    const { actor, event } = currentScope();
    if (event === undefined) throw new Error('a setting was changed by something that is no request');
    const row = await this.#rows(manager).findOneBy(this.#named(name));
    const replaced = changed.flatMap((column) => (this.table.secrets as Readonly<Record<string, string | undefined>>)[column] ?? []);
    await writeAudit(auditRunner(manager), {
      event, actor: actor?.name ?? null,
      extra: { [this.table.keyName]: name, before, after: row === null ? null : this.table.shown(row), ...(replaced.length === 0 ? {} : { replaced }) },
    });
  }

  #rows(manager: EntityManager): Repository<Row> {
    return manager.getRepository(this.table.entity);
  }

  #named(name: string): FindOptionsWhere<Row> {
    return { [this.table.key]: name } as FindOptionsWhere<Row>;
  }
}

/** A host or description may be an address with a password in it. */
export function masked(text: string | null): string | null {
  return text === null ? null : maskText(text);
}

/** Whether there is one. */
export function hidden(value: string | null): string | null {
  return value === null ? null : MASK;
}
