import { MESSAGE_MAX_BYTES } from '@millrace/vocabulary';
import { toXComJson } from './xcom-json.js';

/** All values of one try travel in one message, which needs room for the rest of the result too. */
const TOTAL_MAX_BYTES = MESSAGE_MAX_BYTES - 262_144;

/** XComs of one try, kept until its result is sent. */
export class PendingXComs {
  private values: Map<string, string> | undefined;
  private totalBytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** Throws a TypeError for what JSON cannot hold and a RangeError above the limit, which names limit and size. */
  set(key: string, value: unknown): void {
    if (typeof key !== 'string' || key === '' || key.length > 512) throw new TypeError('an XCom key is text of 1 to 512 characters');
    const json = toXComJson(value, key);
    const size = Buffer.byteLength(json);
    if (size > this.maxBytes) {
      throw new RangeError(`XCom "${key}" has ${size} bytes as JSON; the limit is ${this.maxBytes} (core.xcom_max_bytes). Write it to a file or store and pass its address.`);
    }
    const before = this.values?.get(key);
    this.totalBytes += size - (before === undefined ? 0 : Buffer.byteLength(before));
    if (this.totalBytes > TOTAL_MAX_BYTES) throw new RangeError(`the XComs of this try have ${this.totalBytes} bytes together; the limit is ${TOTAL_MAX_BYTES}`);
    (this.values ??= new Map()).set(key, json);
  }

  list(): { key: string; json: string }[] {
    return this.values === undefined ? [] : [...this.values].map(([key, json]) => ({ key, json }));
  }
}
