import { z } from 'zod';
import { anyJson, named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

/** What a task or an asset keeps under one key. */
export const storedState = named('StoredState', z.object({ key: z.string(), value: anyJson, version: z.int(), updated_at: time }));
export type StoredStateAnswer = Answer<typeof storedState>;
export const storedStateCollection = page('StoredStateCollection', 'states', storedState);
export type StoredStatesAnswer = Answer<typeof storedStateCollection>;
