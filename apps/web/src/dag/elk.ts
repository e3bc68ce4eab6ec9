import type { ELK, ElkNode } from 'elkjs/lib/elk-api.js';

let elk: Promise<ELK> | undefined;

/** ELK in a worker of its own, loaded when the first graph is drawn: it is larger than the rest of the UI together. */
export async function layOut(graph: ElkNode): Promise<ElkNode> {
  elk ??= (async () => {
    const [{ default: Elk }, { default: workerUrl }] = await Promise.all([import('elkjs/lib/elk-api.js'), import('elkjs/lib/elk-worker.min.js?url')]);
    return new Elk({ workerUrl });
  })();
  return (await elk).layout(graph);
}
