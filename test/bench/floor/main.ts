/** The floor alone: `node test/bench/floor.mjs`. */
import { ownServices } from '../../harness/own-services.js';
import { processListeningOn } from '../measure/cpu.js';
import { measureFloor } from './floor.js';

const services = await ownServices();
try {
  const floor = await measureFloor(
    { ...services, brokerPid: processListeningOn(5672), queueType: process.argv.includes('classic') ? 'classic' : 'quorum', slots: 8 },
    { chain3Runs: 100, hopRuns: 5, fanRuns: 10, batchRuns: 200, wideTasks: 10_000 },
  );
  console.log(JSON.stringify(floor, (_, value: unknown) => (typeof value === 'number' ? Math.round(value * 1000) / 1000 : value), 1));
} finally {
  await services.drop();
}
