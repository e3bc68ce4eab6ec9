import { Column, Entity, PrimaryColumn } from 'typeorm';

/** How to reach an external system. Password and extra are ciphertexts bound to the row's id. */
@Entity('connection')
export class ConnectionEntity {
  @PrimaryColumn('text', { name: 'connection_id' }) connectionId!: string;
  @Column('text', { name: 'conn_type' }) connType!: string;
  @Column('text', { nullable: true }) description!: string | null;
  @Column('text', { nullable: true }) host!: string | null;
  @Column('text', { name: 'schema_name', nullable: true }) schemaName!: string | null;
  @Column('text', { nullable: true }) login!: string | null;
  @Column('text', { name: 'password_encrypted', nullable: true }) passwordEncrypted!: string | null;
  @Column('int', { nullable: true }) port!: number | null;
  @Column('text', { name: 'extra_encrypted', nullable: true }) extraEncrypted!: string | null;
  @Column('text', { nullable: true }) team!: string | null;
}
