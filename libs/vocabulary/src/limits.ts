/** Limits that more than one service must agree on. Units last in names. Relations between them are asserted in limits.spec.ts. */

/** A worker tells the scheduler it is alive this often. */
export const BEAT_EVERY_MS = 3_000;
/** A worker without a good heartbeat for this long kills its own attempts. */
export const WORKER_SELF_FENCE_MS = 10_000;
/** A runner process that hears nothing from its worker for this long ends itself. */
export const RUNNER_SELF_FENCE_MS = 10_000;
/** Only after this long without a heartbeat may anyone call a worker's attempts lost. */
export const LEASE_TTL_MS = 15_000;
/** How often each scheduler looks for what the events missed. */
export const SWEEP_EVERY_MS = 1_000;
/** A queued attempt nobody claimed is published again after this long. */
export const REPUBLISH_AFTER_MS = 5_000;
/** Doorbell partitions. Fixed: both sides hash a run id into them. */
export const WAKE_PARTITIONS = 16;
/** Largest XCom value stored in the database, JSON bytes. */
export const XCOM_MAX_BYTES = 1_048_576;
/** Largest gRPC and AMQP message. */
export const MESSAGE_MAX_BYTES = 4_194_304;
/** Characters of a partition key. */
export const PARTITION_KEY_MAX_LENGTH = 250;
/** Largest value of a state store, JSON bytes: watermarks and ids, not data. */
export const STATE_VALUE_MAX_BYTES = 65_536;
/** Values one task or asset may keep. */
export const STATE_KEYS_MAX = 1_000;
