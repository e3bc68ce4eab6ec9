import type { TaskContext } from '../context/task-context.js';
import { currentDag } from '../dag/current-dag.js';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { definitionSite } from '../definition-site/definition-site.js';
import { unknownOption } from '../definition-site/known-options.js';
import type { OptionNames } from '../definition-site/known-options.js';
import { OPERATOR_OPTIONS } from '../tasks/operator-options.js';
import type { TaskFunction } from '../tasks/task-function.js';
import { resolveInput } from '../mapping/resolve-input.js';
import { taskFunctionCalls } from '../tasks/task-function-calls.js';
import { TaskOutput, outputsIn } from '../tasks/task-output.js';
import { Sensor } from './sensor.js';
import type { PokeAnswer, SensorOptions } from './sensor.js';

export interface SensorFunctionOptions extends SensorOptions {
  readonly id: string;
}

const SENSOR_OPTIONS: OptionNames<SensorFunctionOptions> = {
  id: true, ...OPERATOR_OPTIONS, mode: true, pokeInterval: true, exponentialBackoff: true, maxWait: true, timeout: true, softFail: true, silentFail: true, neverFail: true, wakeKey: true,
};

/** What a look returned when the sensor is done. */
type SensedValue<Answer> = Awaited<Answer> extends infer A ? (A extends { readonly __millrace: 'sensed'; readonly value: infer V } ? V : never) : never;

type Poke = (input: unknown, context: TaskContext) => PokeAnswer<unknown> | Promise<PokeAnswer<unknown>>;

/** A look written as a function. */
class FunctionSensor extends Sensor {
  static override readonly operatorName: string = '@task.sensor';

  constructor(id: string, options: SensorOptions, private readonly look: Poke, private readonly input: unknown, calledAs: (...args: never[]) => unknown) {
    super(id, options, calledAs);
    for (const output of outputsIn(input)) output.to(this);
  }

  override get mapsInput(): boolean {
    return true;
  }

  override async poke(context: TaskContext): Promise<PokeAnswer<unknown>> {
    return this.look(await resolveInput(this.input, this, context), context);
  }
}

/**
 * A sensor written as a function. Calling what it returns makes the task.
 * @example
 * const landed = sensor({ id: 'landed', mode: 'reschedule', pokeInterval: '5m', timeout: '12h' }, async (path: string) => existsSync(path));
 * dag('files', {}, () => { landed('/data/today.csv').to(load); });
 */
export function sensor<Input, Answer extends PokeAnswer<unknown> | Promise<PokeAnswer<unknown>>>(
  idOrOptions: string | SensorFunctionOptions,
  look: (input: Input, context: TaskContext) => Answer,
): TaskFunction<Input, SensedValue<Answer>> {
  const options = typeof idOrOptions === 'string' ? { id: idOrOptions } : idOrOptions;
  const unknown = unknownOption(`sensor ${JSON.stringify(options.id)}`, options, SENSOR_OPTIONS);
  if (unknown !== null) throw new DagDefinitionError(unknown, definitionSite(sensor as (...args: never[]) => unknown));
  if (typeof look !== 'function') throw new DagDefinitionError(`sensor ${JSON.stringify(options.id)} needs a function as second argument`, definitionSite(sensor as (...args: never[]) => unknown));
  return taskFunctionCalls(
    (input, expansion, calledAs) => {
      const owner = options.dag ?? currentDag();
      const id = owner === null ? options.id : owner.freeTaskId(options.id);
      const made = new FunctionSensor(id, { ...options, ...(owner === null ? {} : { dag: owner }) }, look as Poke, input, calledAs);
      if (expansion !== null) made.expandOver(expansion);
      return new TaskOutput(made, 'return_value');
    },
    (more) => sensor({ ...options, ...more }, look),
  ) as unknown as TaskFunction<Input, SensedValue<Answer>>;
}
