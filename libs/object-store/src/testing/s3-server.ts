import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface S3rver {
  run(): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}

export interface S3Server extends AsyncDisposable {
  /** URL for `openObjectStore`. */
  readonly url: string;
}

/** A server that speaks S3, with one bucket. Sets the credentials of this process's environment to its own. For specs. */
export async function s3Server(bucket: string): Promise<S3Server> {
  const S3rverClass = createRequire(import.meta.url)('s3rver') as new (options: object) => S3rver;
  const directory = mkdtempSync(join(tmpdir(), 'millrace-s3-'));
  const server = new S3rverClass({ address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets: [{ name: bucket, configs: [] }] });
  const { port } = await server.run();
  process.env['AWS_ACCESS_KEY_ID'] = 'S3RVER';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'S3RVER';
  return {
    url: `s3://${bucket}/some/where?region=eu-central-1&path_style=true&endpoint=${encodeURIComponent(`http://127.0.0.1:${port}`)}`,
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
