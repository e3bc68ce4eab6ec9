import type { Observed, Violation } from './observed.js';
import { checkTriggers } from './promises/01-triggers.js';
import { checkEnds } from './promises/02-ends.js';
import { checkOneStart } from './promises/03-one-start.js';
import { checkClaimed } from './promises/04-claimed.js';
import { checkOverlaps } from './promises/05-overlaps.js';
import { checkSuccess } from './promises/06-success.js';
import { checkOrder } from './promises/07-order.js';
import { checkBudgets } from './promises/08-budgets.js';
import { checkSlots } from './promises/09-slots.js';
import { checkTicks } from './promises/10-ticks.js';
import { checkReplay } from './promises/11-replay.js';
import { checkLeftovers } from './promises/12-leftovers.js';
import { checkAudit } from './promises/13-audit.js';
import { checkAssets } from './promises/15-assets.js';
import { checkCallbacks } from './promises/16-callbacks.js';

/** The promises by the numbers the operators' page gives them. */
const PROMISES: Readonly<Record<number, (observed: Observed) => string[]>> = {
  1: checkTriggers, 2: checkEnds, 3: checkOneStart, 4: checkClaimed, 5: checkOverlaps, 6: checkSuccess,
  7: checkOrder, 8: checkBudgets, 9: checkSlots, 10: checkTicks, 11: checkReplay, 12: checkLeftovers,
  13: checkAudit, 15: checkAssets, 16: checkCallbacks,
};

/** Everything that breaks a promise; empty: they all held. */
export function checkPromises(observed: Observed): Violation[] {
  return Object.entries(PROMISES).flatMap(([number, check]) => check(observed).map((text) => ({ promise: Number(number), text })));
}
