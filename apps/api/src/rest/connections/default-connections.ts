import type { ConnectionEntity } from '@millrace/persistence';

const on = (connectionId: string, connType: string, host: string | null = null, port: number | null = null): Pick<ConnectionEntity, 'connectionId' | 'connType' | 'host' | 'port'> => ({ connectionId, connType, host, port });

/** The names Airflow's operators look for when they are told none; addresses are those of services on this very machine. */
export const DEFAULT_CONNECTIONS = [
  on('aws_default', 'aws'), on('fs_default', 'fs'), on('google_cloud_default', 'google_cloud_platform'), on('http_default', 'http', 'http://localhost'), on('kubernetes_default', 'kubernetes'),
  on('mysql_default', 'mysql', 'localhost', 3_306), on('postgres_default', 'postgres', 'localhost', 5_432), on('rabbitmq_default', 'amqp', 'localhost', 5_672), on('redis_default', 'redis', 'localhost', 6_379),
  on('slack_default', 'slackwebhook'), on('smtp_default', 'smtp', 'localhost', 25), on('ssh_default', 'ssh', 'localhost', 22),
] as const;
