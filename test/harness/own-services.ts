import { testDatabase, testRedis, testVirtualHost } from '@millrace/test-services';

/** A database, a virtual host and a Redis database nobody else uses, removed by `drop`. */
export interface OwnServices {
  readonly databaseUrl: string;
  readonly brokerUrl: string;
  readonly redisUrl: string;
  drop(): Promise<void>;
}

export async function ownServices(): Promise<OwnServices> {
  const owned: (AsyncDisposable & { readonly url: string })[] = [];
  const drop = async (): Promise<void> => {
    for (const each of owned.splice(0)) await each[Symbol.asyncDispose]();
  };
  try {
    for (const make of [testDatabase, testVirtualHost, testRedis]) owned.push(await make());
    const [databaseUrl, brokerUrl, redisUrl] = owned.map((each) => each.url) as [string, string, string];
    return { databaseUrl, brokerUrl, redisUrl, drop };
  } catch (error) {
    await drop();
    throw error;
  }
}
