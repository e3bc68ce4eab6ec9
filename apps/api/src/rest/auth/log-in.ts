import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AccessTokens, Users } from '@millrace/access';
import { MillraceError } from '@millrace/vocabulary';
import { RequestError } from '../validation/request-error.js';
import type { LoginThrottle } from './login-throttle.js';

const credentials = z.strictObject({ username: z.string().min(1).max(250), password: z.string().min(1).max(1_000) });
/** What an OAuth2 password form may carry besides. */
const form = credentials.extend({ grant_type: z.string().optional(), scope: z.string().optional(), client_id: z.string().optional(), client_secret: z.string().optional() });

/** A token for a name and a password, for API clients and for the browser alike. */
export class LogIn {
  constructor(
    private readonly users: Users,
    private readonly tokens: AccessTokens,
    private readonly throttle: LoginThrottle,
  ) {}

  /** @throws MillraceError `unauthorized`, never saying which of the two was wrong. */
  async token(request: FastifyRequest): Promise<string> {
    const isForm = (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
    const parsed = (isForm ? form : credentials).safeParse(request.body);
    // The answer to a malformed login must not repeat what was typed.
    if (!parsed.success) throw new RequestError(RequestError.fromZod('body', parsed.error, request.body).errors.map((error) => ({ ...error, input: null })));
    const { username, password } = parsed.data;
    await this.throttle.pass(username, request.ip);
    const user = await this.users.logIn(username, password);
    if (user === null) {
      await this.throttle.failed(username, request.ip);
      throw new MillraceError('unauthorized', 'Invalid credentials');
    }
    await this.throttle.succeeded(username);
    return this.tokens.issue(user);
  }
}
