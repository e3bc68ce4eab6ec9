import { Operator, skip } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';
import type { Client, ClientChannel } from 'ssh2';
import { needText, optionalText, positiveNumber, textTable } from '../options/check-options.js';
import { LineSplitter } from '../processes/line-splitter.js';
import { openSsh } from './ssh-client.js';

export interface SshOperatorOptions extends OperatorOptions {
  /** Run by the login's shell over there. Template. Quote what comes from outside: values rendered into it are shell text. */
  readonly command: string;
  /** Set in front of the command, quoted. Template. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** A connection of type ssh: see docs. @default 'ssh_default' */
  readonly connectionId?: string;
  /** Exit codes that mean "skipped". @default 99 */
  readonly skipOnExitCode?: number | readonly number[] | null;
  /** With a terminal the command ends when the connection does, and stderr comes with stdout. @default false */
  readonly pty?: boolean;
  /** Until the server must have let us in. @default 30 s */
  readonly connectTimeoutSeconds?: number;
}

/** Runs a command on another machine by SSH. Its output goes to the log; the last line of stdout is kept as XCom. */
export class SshOperator extends Operator<string> {
  static override readonly uiColor: string = '#f0ede4';
  override readonly templateFields: readonly string[] = ['command', 'env'];
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly connectionId: string;
  readonly skipOnExitCode: readonly number[];
  readonly pty: boolean;
  readonly connectTimeoutSeconds: number;

  constructor(id: string, options: SshOperatorOptions) {
    super(id, options);
    this.command = needText(this.taskId, 'command', options?.command);
    this.env = textTable(this.taskId, 'env', options.env);
    const wrong = Object.keys(this.env).find((name) => !/^[A-Za-z_]\w*$/.test(name));
    if (wrong !== undefined) throw new TypeError(`task "${this.taskId}": env has ${JSON.stringify(wrong)}, which is no name of a variable`);
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId) ?? 'ssh_default';
    const codes = options.skipOnExitCode === undefined ? 99 : options.skipOnExitCode;
    this.skipOnExitCode = codes === null ? [] : typeof codes === 'number' ? [codes] : codes;
    this.pty = options.pty ?? false;
    this.connectTimeoutSeconds = positiveNumber(this.taskId, 'connectTimeoutSeconds', options.connectTimeoutSeconds, 30);
  }

  override async execute(context: TaskContext): Promise<string> {
    const connection = await context.connections.get(this.connectionId);
    const client = await openSsh(connection, this.connectTimeoutSeconds);
    const stop = (): void => {
      client.destroy();
    };
    context.signal.addEventListener('abort', stop, { once: true });
    try {
      context.signal.throwIfAborted();
      // sshd takes variables by AcceptEnv only; the shell takes all.
      const command = `${Object.entries(this.env).map(([name, value]) => `export ${name}=${quoted(value)}; `).join('')}${this.command}`;
      context.log.info(`Running on ${connection.login ?? 'root'}@${connection.host ?? 'localhost'}: ${this.command}`);
      const { exitCode, signal, lastLine } = await run(client, command, this.pty, context);
      context.signal.throwIfAborted();
      if (exitCode === null) throw new Error(signal === null ? 'the connection ended before the command did' : `the command was ended by ${signal}`);
      if (this.skipOnExitCode.includes(exitCode)) skip(`The command returned exit code ${exitCode}. Skipping.`);
      if (exitCode !== 0) throw new Error(`the command failed with exit code ${exitCode}`);
      return lastLine;
    } catch (error) {
      context.signal.throwIfAborted();
      throw error;
    } finally {
      context.signal.removeEventListener('abort', stop);
      client.end();
    }
  }
}

interface End {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly lastLine: string;
}

function run(client: Client, command: string, pty: boolean, context: TaskContext): Promise<End> {
  return new Promise((resolve, reject) => {
    client.once('close', () => reject(new Error('the connection ended before the command did')));
    client.exec(command, { pty }, (error, channel) => {
      if (error !== undefined) reject(error);
      // Listened to at once: the end of a short command may have come with the answer that it began.
      else listen(channel, context, resolve, reject);
    });
  });
}

function listen(channel: ClientChannel, { log }: TaskContext, resolve: (end: End) => void, reject: (error: Error) => void): void {
  let lastLine = '';
  const stdout = new LineSplitter((line) => {
    lastLine = line;
    log.info(line);
  });
  const stderr = new LineSplitter((line) => log.info(line));
  channel.on('data', (chunk: Buffer) => stdout.write(chunk));
  channel.stderr.on('data', (chunk: Buffer) => stderr.write(chunk));
  let end: Omit<End, 'lastLine'> = { exitCode: null, signal: null };
  channel.on('exit', (code: number | null, signal?: string) => (end = { exitCode: code, signal: signal ?? null }));
  channel.on('error', reject);
  channel.on('close', () => {
    stdout.end();
    stderr.end();
    resolve({ ...end, lastLine });
  });
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
