import { measurePath, type FloorSettings, type FloorSizes, type PathFigures } from './paths.js';
import { measurePrimitives, type Primitives } from './primitives.js';

/**
 * What this machine could do at best: the least code that keeps the durability contract (commit before answer, ack and publish;
 * persistent messages; task code in its own process), without leases, logs, XCom and semantics. Bars are ratios to this.
 */
export interface Floor {
  readonly primitives: Primitives;
  /** Every hop through the broker, one id a message. */
  readonly broker: PathFigures;
  /** A chain goes on at the worker that ended its predecessor, in the same commit. */
  readonly continuation: PathFigures;
  /** The same with 50 ids a message and tasks handed to runners in batches: the least CPU a task can cost. */
  readonly batched: PathFigures;
}

export async function measureFloor(settings: FloorSettings, sizes: FloorSizes): Promise<Floor> {
  return {
    primitives: await measurePrimitives(settings.databaseUrl, settings.brokerUrl),
    broker: await measurePath(settings, { continuation: false, idsPerMessage: 1 }, sizes),
    continuation: await measurePath(settings, { continuation: true, idsPerMessage: 1 }, sizes),
    batched: await measurePath(settings, { continuation: true, idsPerMessage: 50 }, sizes),
  };
}
