import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DEPLOYED_FILE_MAX_BYTES } from '@millrace/scheduling';

export const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'] as const;

/** Bodies of dag documents as YAML, and of deployed files as bytes. */
export function readSourceBodies(app: NestFastifyApplication, textLimit: number): void {
  for (const type of YAML_TYPES) app.useBodyParser(type, { bodyLimit: textLimit }, (_request: unknown, body: Buffer, done) => done(null, body.toString('utf8')));
  app.useBodyParser('application/octet-stream', { bodyLimit: DEPLOYED_FILE_MAX_BYTES }, (_request: unknown, body: Buffer, done) => done(null, body));
}
