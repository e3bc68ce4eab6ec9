import { z } from 'zod';
import { named } from '../openapi/answer-schemas.js';

export const accessToken = named('AccessToken', z.object({ access_token: z.string() }));
/** In place of Airflow's redirects. */
export const loginHint = named('LoginHint', z.object({ detail: z.string() }));
