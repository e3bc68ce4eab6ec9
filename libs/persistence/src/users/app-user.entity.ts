import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity('app_user')
export class AppUserEntity {
  @PrimaryColumn('text') name!: string;
  /** argon2id; null: logs in elsewhere. */
  @Column('text', { name: 'password_hash', nullable: true }) passwordHash!: string | null;
  @Column('text') role!: string;
  /** Besides `role`; each `Role` or `Role@team`. */
  @Column('text', { name: 'more_roles', array: true, default: '{}' }) moreRoles!: string[];
  @Column('text', { nullable: true }) email!: string | null;
  @Column('text', { name: 'first_name', nullable: true }) firstName!: string | null;
  @Column('text', { name: 'last_name', nullable: true }) lastName!: string | null;
  @Column('boolean', { name: 'is_active', default: true }) isActive!: boolean;
  /** Tokens carry it; raising it ends them all. */
  @Column('int', { name: 'token_generation', default: 0 }) tokenGeneration!: number;
  @Column('text', { nullable: true }) team!: string | null;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column('timestamptz', { name: 'last_login', nullable: true }) lastLogin!: Date | null;
}
