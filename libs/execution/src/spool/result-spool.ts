import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { executionProto } from '@millrace/contracts';

type Completion = executionProto.Completion;

export const RESULTS_FILE = 'results.spool';

const RESULT = 1;
const ANSWERED = 2;
/** Length and checksum, four bytes each, then the kind, one byte. */
const HEADER_BYTES = 9;
/** An empty spool is cut to nothing above this size: cutting it at every answer would cost more than the results. */
const COMPACT_ABOVE_BYTES = 262_144;

/**
 * Results that no scheduler has answered yet, on disk: an append-only file that survives the death of the worker.
 * Not flushed to the platter: it guards against a killed process; after a crash of the machine the lease speaks.
 */
export class ResultSpool {
  private readonly fd: number;
  private readonly waiting = new Map<string, Completion>();
  private bytes = 0;
  /** Answers are written with the next results: losing them only means that a result is sent twice. */
  private answered: Buffer[] = [];

  constructor(
    folder: string,
    private readonly onClose: () => void = () => {},
  ) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, RESULTS_FILE);
    this.fd = openSync(file, 'a', 0o600);
    const content = readFileSync(file);
    const read = readResults(content);
    for (const result of read.results) this.waiting.set(result.attemptId, result);
    // A torn last record, from a death while writing: it was never sent as kept.
    if (read.bytes < content.length) ftruncateSync(this.fd, read.bytes);
    this.bytes = read.bytes;
    if (this.waiting.size === 0 && this.bytes > 0) this.compact();
  }

  /** Results without an answer, oldest first. */
  unanswered(): Completion[] {
    return [...this.waiting.values()];
  }

  get size(): number {
    return this.waiting.size;
  }

  /** Keeps results; one write however many. Throws when the disk refuses: the caller still sends them. */
  keep(results: readonly Completion[]): void {
    const records = this.answered;
    this.answered = [];
    for (const result of results) {
      this.waiting.set(result.attemptId, result);
      records.push(recordOf(RESULT, executionProto.Completion.encode(result).finish()));
    }
    this.append(records);
  }

  /** Forgets a result: a scheduler has answered it for good. */
  forget(attemptId: string): void {
    if (!this.waiting.delete(attemptId)) return;
    this.answered.push(recordOf(ANSWERED, Buffer.from(attemptId)));
    if (this.waiting.size === 0 && this.bytes > COMPACT_ABOVE_BYTES) this.compact();
  }

  /** Writes down what is answered. */
  close(): void {
    if (this.waiting.size === 0) this.compact();
    else {
      this.append(this.answered);
      this.answered = [];
    }
    closeSync(this.fd);
    this.onClose();
  }

  private compact(): void {
    ftruncateSync(this.fd, 0);
    this.bytes = 0;
    this.answered = [];
  }

  private append(records: Buffer[]): void {
    if (records.length === 0) return;
    const all = records.length === 1 ? (records[0] as Buffer) : Buffer.concat(records);
    let done = 0;
    while (done < all.length) done += writeSync(this.fd, all, done);
    this.bytes += all.length;
  }
}

/** The results of a spool file without an answer, and how many of its bytes are whole records. */
export function readResults(content: Buffer): { readonly results: Completion[]; readonly bytes: number } {
  const waiting = new Map<string, Completion>();
  let at = 0;
  while (at + HEADER_BYTES <= content.length) {
    const end = at + HEADER_BYTES + content.readUInt32LE(at);
    if (end > content.length) break;
    const body = content.subarray(at + HEADER_BYTES, end);
    if (crc32(body) !== content.readUInt32LE(at + 4)) break;
    if (content[at + 8] === RESULT) {
      const result = executionProto.Completion.decode(body);
      waiting.set(result.attemptId, result);
    } else waiting.delete(body.toString());
    at = end;
  }
  return { results: [...waiting.values()], bytes: at };
}

function recordOf(kind: number, body: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  record.writeUInt32LE(body.length, 0);
  record.writeUInt32LE(crc32(body), 4);
  record[8] = kind;
  record.set(body, HEADER_BYTES);
  return record;
}
