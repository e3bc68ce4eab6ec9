import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import type { Client, ClientDuplexStream } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const require = createRequire(import.meta.url);
const folderOf = (name: string, part: string): string => {
  const entry = require.resolve(name);
  return join(entry.slice(0, entry.lastIndexOf(`node_modules/${name}`)), 'node_modules', name, part);
};

type Constructor<T> = new (address: string, credentials: object) => T;

/** Names of the services a server says it has, as `grpcurl list` would show them. For specs. */
export async function reflectedServices(port: number): Promise<string[]> {
  const proto = folderOf('@grpc/reflection', 'build/proto/grpc/reflection/v1/reflection.proto');
  const loaded = loadPackageDefinition(loadSync(proto)) as unknown as { grpc: { reflection: { v1: { ServerReflection: Constructor<Client & { serverReflectionInfo(): ClientDuplexStream<object, { listServicesResponse?: { service: { name: string }[] } }> }> } } } };
  const client = new loaded.grpc.reflection.v1.ServerReflection(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    const stream = client.serverReflectionInfo();
    stream.write({ listServices: '' });
    for await (const message of stream as AsyncIterable<{ listServicesResponse?: { service: { name: string }[] } }>) {
      stream.end();
      return (message.listServicesResponse?.service ?? []).map(({ name }) => name);
    }
    return [];
  } finally {
    client.close();
  }
}

/** `grpc.health.v1`. */
export async function healthOf(port: number, service: string): Promise<string> {
  const proto = join(dirname(folderOf('grpc-health-check', 'proto/health')), 'health/v1/health.proto');
  const loaded = loadPackageDefinition(loadSync(proto, { enums: String })) as unknown as { grpc: { health: { v1: { Health: Constructor<Client & { check(request: object, callback: (error: Error | null, response: { status: string }) => void): void }> } } } };
  const client = new loaded.grpc.health.v1.Health(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => client.check({ service }, (error, response) => (error === null ? resolve(response.status) : reject(error))));
  } finally {
    client.close();
  }
}
