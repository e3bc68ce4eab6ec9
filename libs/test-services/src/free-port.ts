import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A loopback TCP port free at this moment. Prefer port 0 and the `ready` line of a service: between this and its use another may take it. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
