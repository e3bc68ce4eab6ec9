/**
 * Takes apart what an engine sends of a container without a terminal: frames of 8 bytes (1 stdout or 2 stderr, three zeros, length)
 * and content, cut anywhere.
 */
export class LogFrames {
  private rest: Buffer = Buffer.alloc(0);

  constructor(private readonly onContent: (stream: 'stdout' | 'stderr', content: Buffer) => void) {}

  write(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    while (this.rest.length >= 8) {
      const length = this.rest.readUInt32BE(4);
      if (this.rest.length < 8 + length) return;
      this.onContent(this.rest[0] === 2 ? 'stderr' : 'stdout', this.rest.subarray(8, 8 + length));
      this.rest = this.rest.subarray(8 + length);
    }
  }
}
