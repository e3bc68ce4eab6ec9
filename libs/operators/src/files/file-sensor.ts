import { isAbsolute, join } from 'node:path';
import { Sensor, secondsOf, sensed } from '@millrace/sdk';
import type { Duration, PokeAnswer, SensorOptions, TaskContext } from '@millrace/sdk';
import { needText, optionalText, wholeNumber } from '../options/check-options.js';
import { findFiles } from './find-files.js';

export interface FileSensorOptions extends SensorOptions {
  /** A file, a folder (any file below it), or a pattern: `*`, `?`, `[a-z]`, `**`. Absolute, or below the path of the connection. Template. */
  readonly path: string;
  /** A connection of type fs whose `extra.path` is put in front of a relative path. @default none */
  readonly connectionId?: string;
  /** So long nothing was written to a file: it is whole. @default a file counts at once */
  readonly unchangedFor?: Duration;
  /** Files there must be. @default 1 */
  readonly minFiles?: number;
}

/** Waits for files on the worker's disk, or what is mounted there. Returns their paths in order. */
export class FileSensor extends Sensor<readonly string[]> {
  override readonly templateFields: readonly string[] = ['path'];
  readonly path: string;
  readonly connectionId: string | undefined;
  readonly unchangedForSeconds: number;
  readonly minFiles: number;

  constructor(id: string, options: FileSensorOptions) {
    super(id, options);
    this.path = needText(this.taskId, 'path', options?.path);
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId);
    this.unchangedForSeconds = options.unchangedFor === undefined ? 0 : secondsOf(options.unchangedFor, 'unchangedFor');
    this.minFiles = wholeNumber(this.taskId, 'minFiles', options.minFiles, 1);
  }

  override async poke(context: TaskContext): Promise<PokeAnswer<readonly string[]>> {
    const path = await pathOf(this.path, this.connectionId, context);
    const found = await findFiles(path);
    // By the disk's own clock and this machine's: both are where the file is.
    const whole = found.filter((file) => this.unchangedForSeconds === 0 || Date.now() - file.modifiedAtMs >= this.unchangedForSeconds * 1_000);
    context.log.info(`${path}: ${found.length} files${found.length === whole.length ? '' : `, ${found.length - whole.length} of them still being written`}`);
    return sensed(whole.map((file) => file.path), whole.length >= this.minFiles);
  }
}

/** @throws Error for a relative path without a connection that says below what */
export async function pathOf(path: string, connectionId: string | undefined, context: Pick<TaskContext, 'connections'>): Promise<string> {
  if (isAbsolute(path)) return path;
  const base = connectionId === undefined ? undefined : (await context.connections.get(connectionId)).extra['path'];
  if (typeof base !== 'string' || !isAbsolute(base)) throw new Error(`the path must be absolute, got ${JSON.stringify(path)}${connectionId === undefined ? '' : `, and extra.path of connection "${connectionId}" is no absolute folder`}`);
  return join(base, path);
}
