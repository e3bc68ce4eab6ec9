/** Where the services for tests are: named by the environment (the test command sets it), else the usual local ports. */
export interface TestAddresses {
  /** A role that may create databases. */
  readonly database: string;
  readonly amqp: string;
  readonly redis: string;
  /** How to call rabbitmqctl for that broker, e.g. `['rabbitmqctl', '-n', 'test@localhost']`; empty: there is none. */
  readonly rabbitmqctl: readonly string[];
  /** Management API of that broker, e.g. `http://guest:guest@127.0.0.1:15672`. */
  readonly amqpManagement: string;
  /** Folder of virtual hosts made ahead (see virtual-host.ts); null: each is made when asked for. */
  readonly virtualHostPool: string | null;
}

export function testAddresses(env: Readonly<Record<string, string | undefined>> = process.env): TestAddresses {
  const amqp = env['MILLRACE_TEST_AMQP_URL'] || 'amqp://guest:guest@127.0.0.1:5672';
  return {
    database: env['MILLRACE_TEST_DATABASE_URL'] || 'postgres://postgres@127.0.0.1:5432/postgres',
    amqp,
    redis: env['MILLRACE_TEST_REDIS_URL'] || 'redis://127.0.0.1:6379',
    rabbitmqctl: (env['MILLRACE_TEST_RABBITMQCTL'] ?? 'rabbitmqctl').split(' ').filter((word) => word !== ''),
    amqpManagement: env['MILLRACE_TEST_AMQP_MANAGEMENT_URL'] || managementBeside(amqp),
    virtualHostPool: env['MILLRACE_TEST_VHOST_POOL'] || null,
  };
}

function managementBeside(amqp: string): string {
  const url = new URL(amqp);
  return `http://${url.username || 'guest'}:${url.password || 'guest'}@${url.hostname}:15672`;
}

/** A name nobody else has, that tells its age: a later run removes what a killed one left behind. */
export function testName(): string {
  return `millrace_test_${Date.now().toString(36)}_${Math.random().toString(36).slice(2, 10).padEnd(8, '0')}`;
}

/** Age of a thing named by `testName`, in milliseconds; null for other names. */
export function ageOfTestName(name: string, nowMs: number): number | null {
  const match = /^millrace_test_([0-9a-z]{8,9})_[0-9a-z]{8}$/.exec(name);
  return match === null ? null : nowMs - Number.parseInt(match[1] ?? '', 36);
}
