import type { executionProto } from '@millrace/contracts';
import type { Behaviour } from './scheduler-rig.js';

type Grant = executionProto.Grant;

/** Work of a rig's worker that a spec ends when it likes. */
export class Gate {
  readonly held: { readonly grant: Grant; readonly end: () => void }[] = [];
  /** Dag and task of everything that began, in order. */
  readonly began: string[] = [];
  most = 0;
  readonly behaviour: Behaviour = (grant) => new Promise((resolve) => {
    const item = { grant, end: (): void => { this.held.splice(this.held.indexOf(item), 1); resolve({}); } };
    this.began.push(`${grant.dagId}.${grant.taskId}`);
    this.held.push(item);
    this.most = Math.max(this.most, this.held.length);
  });

  tasks(): string[] {
    return this.held.map(({ grant }) => `${grant.dagId}.${grant.taskId}`).sort();
  }
}
