import { WorkerRig, type RigOptions } from './worker-rig.js';

/*
 * A worker in a process of its own, for specs that kill or freeze it. Its options are JSON in the only argument; the
 * messages of its broker come over the IPC channel.
 */
const { addresses, ...options } = JSON.parse(process.argv[2] ?? '{}') as Omit<RigOptions, 'schedulers'> & { addresses: string[] };
const rig = await new WorkerRig({ ...options, schedulers: addresses.map((address) => ({ address, grants: new Map() })) }).start();
process.on('message', (ids) => void rig.broker.publishAttempts('default', { v: 1, ids: ids as [string, string][], home: '' }));
process.on('SIGTERM', () => void rig.stop().then(() => process.exit(0)));
process.send?.('ready');
