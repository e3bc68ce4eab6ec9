export type { Broker, Delivery, PublishResult, Subscription } from './broker.js';
