import { InProcessHub, InProcessLiveUpdates } from './in-process-live-updates.js';
import { describeLiveUpdates } from './live-updates.conformance.js';

describeLiveUpdates('in-process', async () => {
  const hub = new InProcessHub(() => undefined);
  return { create: () => new InProcessLiveUpdates(hub), dispose: () => Promise.resolve() };
});
