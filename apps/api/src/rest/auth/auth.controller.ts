import { Controller, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AccessTokens, Users } from '@millrace/access';
import { MillraceError } from '@millrace/vocabulary';
import { Operation, Route } from '../openapi/operation.js';
import { RequestError } from '../validation/request-error.js';
import { LoginThrottle } from './login-throttle.js';

const credentials = z.strictObject({ username: z.string().min(1).max(250), password: z.string().min(1).max(1_000) });
/** What an OAuth2 password form may carry besides. */
const form = credentials.extend({ grant_type: z.string().optional(), scope: z.string().optional(), client_id: z.string().optional(), client_secret: z.string().optional() });

@Controller()
export class AuthController {
  constructor(
    @Inject(Users) private readonly users: Users,
    @Inject(AccessTokens) private readonly tokens: AccessTokens,
    @Inject(LoginThrottle) private readonly throttle: LoginThrottle,
  ) {}

  @Route('POST', '/auth/token', 'public', 201)
  async createToken(@Req() request: FastifyRequest): Promise<{ access_token: string }> {
    const isForm = (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
    const parsed = (isForm ? form : credentials).safeParse(request.body);
    // The answer to a malformed login must not repeat what was typed.
    if (!parsed.success) throw new RequestError(RequestError.fromZod('body', parsed.error, request.body).errors.map((error) => ({ ...error, input: null })));
    const { username, password } = parsed.data;
    await this.throttle.pass(username, request.ip);
    const user = await this.users.logIn(username, password);
    if (user === null) {
      this.throttle.failed(username, request.ip);
      throw new MillraceError('unauthorized', 'Invalid credentials');
    }
    this.throttle.succeeded(username, request.ip);
    return { access_token: await this.tokens.issue(user) };
  }

  /** Airflow redirects to its login page; ours is the start page. */
  @Operation('login')
  login(): { detail: string } {
    return { detail: 'Log in at / or with POST /auth/token' };
  }

  @Operation('logout')
  logout(): { detail: string } {
    return { detail: 'Tokens live at the client: forget yours. Changing the password ends all of them.' };
  }
}
