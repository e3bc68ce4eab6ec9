export type { Broker, Delivery, PublishResult, Subscription } from './broker.js';
export { AmqpBroker } from './amqp/amqp-broker.js';
export type { AmqpBrokerOptions } from './amqp/amqp-broker.js';
export { InProcessBroker } from './in-process/in-process-broker.js';
export type { InProcessBrokerOptions } from './in-process/in-process-broker.js';
export { InProcessBus } from './in-process/in-process-bus.js';
export { ForeignQueue } from './foreign/foreign-queue.js';
export type { ForeignMessage, ForeignQueueOptions } from './foreign/foreign-queue.js';
