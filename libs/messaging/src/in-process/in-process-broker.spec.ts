import { describeBroker } from '../broker.conformance.js';
import { InProcessBroker } from './in-process-broker.js';
import { InProcessBus } from './in-process-bus.js';

describeBroker('the in-process broker', async () => {
  const bus = new InProcessBus(() => undefined);
  return {
    create: (metrics) => new InProcessBroker({ bus, metrics }),
    connected: () => Promise.resolve(),
    deadLetters: () => Promise.resolve(bus.deadLetters.length),
    dispose: () => Promise.resolve(),
  };
});
