import type { DataSource } from 'typeorm';
import type { AccessTokens, ApiTokens, EndedSessions, Roles, SecretBox, Users } from '@millrace/access';
import type { Configuration } from '@millrace/configuration';
import type { TlsFiles } from '@millrace/lifecycle';
import type { LiveUpdates } from '@millrace/live-updates';
import type { BackfillsReader, DagDependenciesReader, DagsReader, Database, EventLogsReader, ImportErrorsReader, InstancesReader, NotesWriter, PoolUsageReader, PoolWarningsReader, QuestionsReader, RunsReader, ServicesReader, VersionsReader, XComsReader } from '@millrace/persistence';
import type { Commands, DagSourceDesk } from '@millrace/scheduling';
import type { ObjectStore } from '@millrace/object-store';
import type { PluginHosts } from '../plugin-hosts/plugin-hosts.js';
import type { Logger, Traces } from '@millrace/telemetry';
import type { Actors } from './security/actors.js';

/** The reading side: one reader per subject. */
export interface Readers {
  readonly dags: DagsReader;
  readonly runs: RunsReader;
  readonly instances: InstancesReader;
  readonly versions: VersionsReader;
  readonly xcoms: XComsReader;
  readonly questions: QuestionsReader;
  readonly backfills: BackfillsReader;
  readonly eventLogs: EventLogsReader;
  readonly services: ServicesReader;
  readonly poolUsage: PoolUsageReader;
  readonly importErrors: ImportErrorsReader;
  readonly dagDependencies: DagDependenciesReader;
  readonly poolWarnings: PoolWarningsReader;
}

/** What the composition root hands to the Nest module; each controller takes the few of them it needs. */
export interface ApiParts {
  readonly config: Configuration;
  readonly logger: Logger;
  readonly database: Database;
  readonly sources: DagSourceDesk;
  readonly entities: DataSource;
  readonly readers: Readers;
  readonly notes: NotesWriter;
  readonly commands: Commands;
  readonly users: Users;
  readonly roles: Roles;
  readonly apiTokens: ApiTokens;
  readonly endedSessions: EndedSessions;
  readonly actors: Actors;
  readonly tokens: AccessTokens;
  readonly secrets: SecretBox;
  readonly liveUpdates: LiveUpdates;
  readonly traces: Traces;
  readonly pluginHosts: PluginHosts;
  /** Where ended logs are kept for good; null: nowhere. */
  readonly logStore: ObjectStore | null;
  /** What the api shows to workers and log-servers, and whom theirs must be signed by; null: they are read in the clear. */
  readonly tls: TlsFiles | null;
}
