import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many instances a stand-in was expanded to, and how long a result is that somebody maps over: what an expansion is decided on. */
export class Mapping1700000000003 implements MigrationInterface {
  readonly name = 'Mapping1700000000003';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('alter table task_instance drop column expanded_to, drop column map_lengths');
  }
}

const UP = `
alter table task_instance
  -- of a stand-in (a path shorter than its task's): the instances it stands for; such a row is not shown. null: not expanded
  add column expanded_to int,
  -- of a success somebody maps over: elements of its XComs by key, -1 for what is no list
  add column map_lengths jsonb;
`;
