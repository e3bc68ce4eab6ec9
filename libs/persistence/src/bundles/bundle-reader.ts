import type { Queryable, Statement } from '../database/database.js';

/** bundle-content: immutable, by hash. $1 sha-256 hex. */
const BUNDLE_CONTENT: Statement = { name: 'bundle-content', text: `select content from bundle_blob where hash = $1` };

export class BundleReader {
  constructor(private readonly on: Queryable) {}

  async content(hash: string): Promise<Buffer | undefined> {
    return (await this.on.query<{ content: Buffer }>(BUNDLE_CONTENT, [hash]))[0]?.content;
  }
}
