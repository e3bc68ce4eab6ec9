import { SecretMask, TaskLogWriter, type OutputSink } from '@millrace/task-logs';

/**
 * The worker's own hand on a try's log: what native children wrote to the runner's pipes, and how the try ended when its
 * runner could not say so. Opened when first needed, which for most tasks is never.
 */
export class PipedOutput {
  readonly mask = new SecretMask();
  private opened: TaskLogWriter | undefined;
  private readonly sinks: { stdout?: OutputSink; stderr?: OutputSink } = {};

  constructor(
    private readonly file: string,
    private readonly maxBytes: number,
    private readonly onLoss: (message: string) => void,
  ) {}

  push(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const writer = this.writer();
    if (writer === undefined) return;
    (this.sinks[stream] ??= writer.output(`task.${stream}`, stream === 'stdout' ? 'INFO' : 'ERROR')).push(chunk);
  }

  say(level: 'WARNING' | 'ERROR', message: string): void {
    const writer = this.writer();
    writer?.write('worker', level, message);
    // Before what the runner says to it.
    writer?.flush();
  }

  /** Writes the end line: the try is over, and its runner did not say so. */
  end(outcome: string): void {
    this.endSinks();
    this.writer()?.end(outcome);
  }

  close(): void {
    this.endSinks();
    this.opened?.close();
  }

  private endSinks(): void {
    this.sinks.stdout?.end();
    this.sinks.stderr?.end();
  }

  private writer(): TaskLogWriter | undefined {
    try {
      return (this.opened ??= new TaskLogWriter({ file: this.file, maxBytes: this.maxBytes, mask: this.mask, onLoss: this.onLoss }));
    } catch (error) {
      this.onLoss(`log ${this.file} could not be opened: ${String(error)}`);
      return undefined;
    }
  }
}
