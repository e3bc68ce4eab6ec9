import { Evaluator } from '../evaluation/evaluator.js';
import type { EvaluationLimits } from '../evaluation/sandbox-process.js';
import { FolderProcessor, pluginFoldersOf } from './folder-processor.js';
import type { FileOutcome } from './folder-processor.js';

export interface ProcessFolderOptions extends Partial<EvaluationLimits> {
  readonly path: string;
  readonly pluginFolders?: readonly string[];
  readonly parallelism?: number;
}

/** Processes all dag files of a folder as they are now, for tools and tests. @throws Error when the folder cannot be read */
export async function processFolderOnce(options: ProcessFolderOptions): Promise<readonly FileOutcome[]> {
  const evaluator = new Evaluator({ timeoutMs: options.timeoutMs ?? 30_000, memoryMb: options.memoryMb ?? 512 });
  const processor = new FolderProcessor({ name: 'once', path: options.path, pluginFolders: options.pluginFolders ?? pluginFoldersOf(options.path, null) }, evaluator, options.parallelism ?? 2);
  try {
    const outcomes: FileOutcome[] = [];
    for (;;) {
      // Told one by one: a look does not wait for a file that takes long.
      const look = await processor.look((outcome) => void outcomes.push(outcome));
      if (look.present === null) throw new Error(`the dags folder ${options.path} cannot be read`);
      if (look.lookAgainMs === null) return outcomes;
      const wait = look.lookAgainMs;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  } finally {
    await Promise.all([evaluator.dispose(), processor.close()]);
  }
}
