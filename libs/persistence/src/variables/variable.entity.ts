import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('variable')
export class VariableEntity {
  @PrimaryColumn('text') key!: string;
  /** Ciphertext when `isEncrypted`. */
  @Column('text') value!: string;
  @Column('boolean', { name: 'is_encrypted', default: false }) isEncrypted!: boolean;
  @Column('text', { nullable: true }) description!: string | null;
  @Column('text', { nullable: true }) team!: string | null;
}
