import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { receiptPathOf } from './log-files.js';

/** What a store has of a log, as it was when the store was asked. */
export interface Receipt {
  readonly key: string;
  /** Bytes that were found there. */
  readonly size: number;
  readonly shippedAtMs: number;
}

const receiptSchema = z.object({ key: z.string(), size: z.number(), shippedAtMs: z.number() });

/** null: none, or one that cannot be read; the log is then shipped again, which changes nothing. */
export async function readReceipt(folder: string, logPath: string): Promise<Receipt | null> {
  try {
    const parsed = receiptSchema.safeParse(JSON.parse(await readFile(join(folder, receiptPathOf(logPath)), 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Whole or not at all. */
export async function writeReceipt(folder: string, logPath: string, receipt: Receipt): Promise<void> {
  const path = join(folder, receiptPathOf(logPath));
  await writeFile(`${path}.part`, JSON.stringify(receipt), { mode: 0o640 });
  await rename(`${path}.part`, path);
}
