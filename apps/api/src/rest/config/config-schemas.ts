import { z } from 'zod';
import { named } from '../openapi/answer-schemas.js';

export const configOption = named('ConfigOption', z.object({ key: z.string(), value: z.union([z.string(), z.tuple([z.string(), z.string()])]) }));
export const configSection = named('ConfigSection', z.object({ name: z.string(), options: z.array(configOption) }));
export const config = named('Config', z.object({ sections: z.array(configSection) }));
