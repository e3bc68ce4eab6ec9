import type { TaskContext } from '../context/task-context.js';
import type { Expansion, MapSource } from './expansion.js';
import type { Dimension } from './scope.js';
import { scopeOf, sharedScope } from './scope.js';

/** What one index of an expansion stands for: its arguments by name, or with `kwargs` the whole input. */
export async function readElements(expansion: Expansion, outer: readonly Dimension[], index: number, context: TaskContext<object>): Promise<unknown> {
  const read = new ElementReader(outer, context);
  const [first] = expansion.args;
  if (expansion.kind === 'kwargs' && first !== undefined) return (await read.at(first.over, index)).value;
  const values: Record<string, unknown> = {};
  let rest = index;
  // The last argument is the fastest.
  for (let i = expansion.args.length - 1; i >= 0; i--) {
    const argument = expansion.args[i];
    if (argument === undefined) continue;
    const length = i === 0 ? Number.MAX_SAFE_INTEGER : await read.length(argument.over);
    values[argument.name] = (await read.at(argument.over, rest % length)).value;
    rest = Math.floor(rest / length);
  }
  return Object.fromEntries(expansion.args.map(({ name }) => [name, values[name]]));
}

/** One element of a list that another task has returned, without the others. */
class ElementReader {
  constructor(private readonly outer: readonly Dimension[], private readonly context: TaskContext<object>) {}

  async length(over: MapSource): Promise<number> {
    if (over.from === 'literal') return over.values.length;
    if (over.from === 'task') return (await this.page(over, 0)).total;
    const lengths = await Promise.all(over.parts.map((part) => this.length(part)));
    return over.longest ? Math.max(...lengths) : Math.min(...lengths);
  }

  async at(over: MapSource, index: number): Promise<{ found: boolean; value: unknown }> {
    if (over.from === 'literal') return { found: index < over.values.length, value: over.values[index] };
    if (over.from === 'zip') {
      const parts = await Promise.all(over.parts.map((part) => this.at(part, index)));
      return { found: true, value: parts.map(({ found, value }) => (found ? value : over.fill)) };
    }
    const { values } = await this.page(over, index);
    const [element] = values;
    return { found: element !== undefined, value: element?.value };
  }

  private page(over: Extract<MapSource, { from: 'task' }>, offset: number) {
    const { output } = over;
    const scope = scopeOf(output.operator);
    const shared = sharedScope(scope, this.outer);
    return this.context.ti.xcomPage({
      taskId: output.taskId, key: output.key, indexPath: this.context.indexPath.slice(0, shared), offset, limit: 1, elements: scope.length === shared,
    });
  }
}
