import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Why a dag file cannot be used; at most one per file. Written by publication only. */
@Entity('import_error')
export class ImportErrorEntity {
  @PrimaryColumn('bigint', { transformer: { from: Number, to: (value: number) => value } }) id!: number;
  @Column('text', { name: 'bundle_name' }) bundleName!: string;
  @Column('text', { name: 'relative_fileloc' }) relativeFileloc!: string;
  @Column('text') fileloc!: string;
  @Column('text', { name: 'stack_trace' }) stackTrace!: string;
  @Column('int', { nullable: true }) line!: number | null;
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date;
}
