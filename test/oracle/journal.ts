/** What a client asked of the api and what it was told. `unknown`: the connection broke or the answer was a 5xx, so it may have happened. */
export interface JournalEntry {
  readonly action: 'trigger' | 'clear' | 'mark' | 'delete';
  readonly dagId: string;
  readonly runId: string;
  readonly answer: 'done' | 'refused' | 'unknown';
  readonly detail: string;
}

export class Journal {
  private readonly kept: JournalEntry[] = [];

  record(entry: JournalEntry): void {
    this.kept.push(entry);
  }

  get entries(): readonly JournalEntry[] {
    return this.kept;
  }
}
