import { z } from 'zod';
import { anyObject, named } from '../openapi/answer-schemas.js';

export const bulkAction = named('BulkActionResponse', z.object({ errors: z.array(anyObject), success: z.array(z.string()) }));
export const bulk = named('BulkResponse', z.object({ create: bulkAction.nullable(), delete: bulkAction.nullable(), update: bulkAction.nullable() }));
