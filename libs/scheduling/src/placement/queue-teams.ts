import { MillraceError } from '@millrace/vocabulary';

/** Which queues only dags of certain teams may use. A queue nobody is named for is everybody's. */
export class QueueTeams {
  readonly #teams: ReadonlyMap<string, ReadonlySet<string>>;

  /** @param entries `queue=team` each; a queue may come several times. @throws MillraceError `invalid` for an entry that reads otherwise */
  constructor(entries: readonly string[] = []) {
    const teams = new Map<string, Set<string>>();
    for (const entry of entries) {
      // The last one divides: names of queues may hold one, names of teams not.
      const at = entry.lastIndexOf('=');
      const [queue, team] = [entry.slice(0, Math.max(0, at)).trim(), entry.slice(at + 1).trim()];
      if (queue === '' || team === '') throw new MillraceError('invalid', `security.queue_teams: ${JSON.stringify(entry)} must be queue=team`);
      teams.set(queue, (teams.get(queue) ?? new Set()).add(team));
    }
    this.#teams = teams;
  }

  get isEmpty(): boolean {
    return this.#teams.size === 0;
  }

  /** @param team of the dag; empty: none */
  mayUse(queue: string, team: string): boolean {
    return this.#teams.get(queue)?.has(team) ?? true;
  }

  /** Why a task is not run, and what to do. */
  refusal(queue: string, dagId: string, team: string): string {
    const owners = [...(this.#teams.get(queue) ?? [])].join(' or ');
    return `queue "${queue}" is for dags of team ${owners} (security.queue_teams), and dag "${dagId}" is of ${team === '' ? 'no team' : `team ${team}`}. Name another queue in the task, or have ${team === '' ? `the dag given to such a team` : `${queue}=${team} added`}`;
  }
}
