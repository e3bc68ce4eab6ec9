import { rmSync, writeSync } from 'node:fs';
import type { FromRunner, RunRequest, ToRunner } from '@millrace/contracts';
import { OutputCapture } from './capture-output.js';
import { loadBundle } from './load-task.js';
import { offerLibraries } from './offer-libraries.js';
import { AttemptRun } from './run-attempt.js';
import { parseRunnerSettings } from './runner-settings.js';
import { SelfFence } from './self-fence.js';
import { StartedProcesses } from './started-processes.js';
import { SupervisorQuestions } from './supervisor-questions.js';

/*
 * Entry of a runner process. Its worker forks it as the leader of a process group of its own, talks to it over the IPC channel,
 * and kills the group when a try must end. It runs one try at a time.
 */
const settings = parseRunnerSettings(process.argv[2]);
const capture = new OutputCapture();
const processes = new StartedProcesses();
const questions = new SupervisorQuestions(send);
let current: AttemptRun | undefined;
// Task code may replace them.
const exit = process.exit.bind(process);
const kill = process.kill.bind(process);
const channelSend = process.send?.bind(process);

process.setSourceMapsEnabled(true);
capture.install();
processes.install();
offerLibraries();
const fence = new SelfFence(settings.selfFenceMs, () => endGroup(`the worker was silent for ${settings.selfFenceMs} ms`));
fence.start();

process.on('message', (message) => {
  fence.heard();
  receive(message as ToRunner);
});
process.on('disconnect', () => endGroup('the worker is gone'));
process.on('SIGTERM', onTerminate);
process.on('SIGINT', () => {}); // Ctrl-C goes to a terminal's whole group; the worker decides when its tasks end.
process.on('uncaughtException', onUncaught);
process.on('exit', () => capture.flush());
// The worker may have ended before anybody listened.
if (!process.connected) endGroup('the worker is gone');
send({ type: 'ready', pid: process.pid });

function receive(message: ToRunner): void {
  switch (message.type) {
    case 'run':
      void run(message);
      return;
    case 'answer':
      questions.answered(message);
      return;
    case 'cancel':
      if (current?.request.attemptId === message.attemptId) {
        current.log.write('runner', 'WARNING', `Asked to stop: ${message.reason}`);
        current.log.flush();
        current.context.abort(message.reason);
      }
      return;
    case 'preload':
      loadBundle(message.bundleFile).then(
        () => send({ type: 'preloaded', bundleFile: message.bundleFile, error: null }),
        (error: unknown) => send({ type: 'preloaded', bundleFile: message.bundleFile, error: String(error) }),
      );
      return;
    case 'ping':
      return;
    default:
      message satisfies never;
  }
}

async function run(request: RunRequest): Promise<void> {
  const attempt = new AttemptRun(request, capture, processes, settings.logMaxBytes, (question) => questions.ask(request.attemptId, question));
  current = attempt;
  const result = await attempt.run();
  if (current !== attempt) return; // Ended already by an exception nobody caught.
  current = undefined;
  questions.forget(request.attemptId);
  if (attempt.context.usesScratchDir) rmSync(request.scratchDir, { recursive: true, force: true });
  send(result);
}

/** Its worker wants the group to end. A task that listens to its signal, or handles SIGTERM itself, gets the grace it was given. */
function onTerminate(): void {
  if (current === undefined) return exit(143);
  current.context.abort('the task was asked to stop');
  current.log.flush();
  if (!current.context.listensToSignal && process.listenerCount('SIGTERM') === 1) exit(143);
}

/** State after an uncaught exception is unknown: the try fails at once, and the process is not used again. */
function onUncaught(error: unknown): void {
  if (current === undefined) {
    writeSync(2, `runner ${process.pid}: an exception nobody caught, after the task that left it had ended: ${String(error)}\n`);
    exit(1);
    return;
  }
  const attempt = current;
  current = undefined;
  const result = attempt.fail(error);
  if (channelSend === undefined) exit(1);
  else channelSend(result, () => exit(1));
}

function endGroup(reason: string): void {
  current?.log.write('runner', 'ERROR', `The runner ends itself and its children: ${reason}`);
  capture.flush();
  try {
    kill(-process.pid, 'SIGKILL');
  } catch {
    exit(1); // Not a group leader, as when started by hand.
  }
}

function send(message: FromRunner): void {
  if (process.connected) channelSend?.(message);
}
