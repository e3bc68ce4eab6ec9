import { ManagedService } from '@millrace/lifecycle';
import { Coalescer } from './coalescer.js';
import type { LiveUpdate, LiveUpdates, Presence, PresenceKind } from './live-updates.js';

/** What the live updates of one process share. */
export class InProcessHub {
  /** @param onHandlerError sees what subscribers throw. */
  constructor(readonly onHandlerError: (error: unknown) => void = (error) => process.emitWarning(error instanceof Error ? error : String(error))) {}

  readonly handlers = new Set<(update: LiveUpdate) => void>();
  readonly presences = new Map<string, { readonly kind: PresenceKind; readonly presence: Presence; readonly untilMs: number }>();
}

/** Live updates within one process, for `standalone`. Give all of a process the same hub. */
export class InProcessLiveUpdates extends ManagedService implements LiveUpdates {
  readonly name = 'live-updates';
  private readonly own = new Set<(update: LiveUpdate) => void>();
  private readonly coalescer: Coalescer;
  private isOpen = false;

  /** @param hearsOthers false: what is of interest happens in other processes, which this one does not hear */
  constructor(private readonly hub: InProcessHub = new InProcessHub(), readonly hearsOthers = true) {
    super();
    this.coalescer = new Coalescer((updates) => this.deliver(updates), () => undefined);
  }

  publish(updates: readonly LiveUpdate[]): void {
    if (this.isOpen) this.coalescer.add(updates);
  }

  subscribe(handler: (update: LiveUpdate) => void): () => void {
    const mine = (update: LiveUpdate): void => handler(update); // The same function may subscribe twice.
    this.own.add(mine);
    if (this.isOpen) this.hub.handlers.add(mine);
    return () => {
      this.own.delete(mine);
      this.hub.handlers.delete(mine);
    };
  }

  present(kind: PresenceKind, id: string, facts: Readonly<Record<string, string | number>>, ttlMs: number): void {
    if (this.isOpen) this.hub.presences.set(`${kind} ${id}`, { kind, presence: { id, facts: { ...facts } }, untilMs: performance.now() + ttlMs });
  }

  whoIsPresent(kind: PresenceKind): Promise<readonly Presence[]> {
    const now = performance.now();
    const present: Presence[] = [];
    for (const [key, entry] of this.hub.presences) {
      if (entry.untilMs <= now) this.hub.presences.delete(key);
      else if (entry.kind === kind) present.push(entry.presence);
    }
    return Promise.resolve(this.isOpen ? present : []);
  }

  protected async open(): Promise<void> {
    this.isOpen = true;
    for (const handler of this.own) this.hub.handlers.add(handler);
  }

  protected async close(): Promise<void> {
    this.isOpen = false;
    this.coalescer.clear();
    for (const handler of this.own) this.hub.handlers.delete(handler);
  }

  private deliver(updates: readonly LiveUpdate[]): void {
    for (const update of updates) {
      for (const handler of [...this.hub.handlers]) {
        try {
          handler(update);
        } catch (error) {
          this.hub.onHandlerError(error);
        }
      }
    }
  }
}
