import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { processTree } from '../bench/measure/cpu.js';
import { eventually } from './eventually.js';

/** How long a runner may take to notice that its worker is gone (it ends itself after 10 s). */
const MAY_TAKE_MS = 15_000;

/** Knows every process a constellation ever had, to show that none is left. Linux; elsewhere it sees nothing. */
export class ProcessWatch {
  /** Process id → its start time, because ids are used again. */
  private readonly seen = new Map<number, string>();

  /** @param folder processes with this folder as, or above, their working folder belong to the constellation. */
  constructor(private readonly folder: string) {}

  /** Call before a process ends: afterwards its children no longer point at it. */
  remember(root: number): void {
    for (const pid of processTree(root)) {
      const began = startTime(pid);
      if (began !== null) this.seen.set(pid, began);
    }
  }

  alive(): number[] {
    const known = [...this.seen].filter(([pid, began]) => startTime(pid) === began).map(([pid]) => pid);
    return [...new Set([...known, ...this.inFolder()])];
  }

  /** Waits for all to end. @returns one sentence for each that had to be killed. */
  async endLeftovers(): Promise<string[]> {
    try {
      await eventually('all processes of the constellation to end', () => this.alive().length === 0, MAY_TAKE_MS);
      return [];
    } catch {
      return this.alive().map((pid) => {
        const command = commandOf(pid);
        process.kill(pid, 'SIGKILL');
        return `process ${pid} was left behind: ${command}`;
      });
    }
  }

  private inFolder(): number[] {
    return processIds().filter((pid) => {
      if (pid === process.pid) return false;
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(this.folder) && startTime(pid) !== null;
      } catch {
        return false;
      }
    });
  }
}

function processIds(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** null: gone, or a zombie. */
function startTime(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return 'gone meanwhile';
  }
}
