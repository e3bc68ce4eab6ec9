import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Named slots that running instances take. */
@Entity('pool')
export class PoolEntity {
  @PrimaryColumn('text') name!: string;
  /** -1: no limit. */
  @Column('int') slots!: number;
  @Column('text', { nullable: true }) description!: string | null;
  @Column('boolean', { name: 'include_deferred', default: false }) includeDeferred!: boolean;
  @Column('text', { nullable: true }) team!: string | null;
}
