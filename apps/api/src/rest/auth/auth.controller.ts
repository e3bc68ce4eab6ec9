import { Controller, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Operation, Route } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { LogIn } from './log-in.js';
import { accessToken } from './auth-schemas.js';

@Controller()
export class AuthController {
  constructor(@Inject(LogIn) private readonly logIn: LogIn) {}

  @Route('POST', '/auth/token', 'public', 201)
  @Answers(accessToken)
  async createToken(@Req() request: FastifyRequest): Promise<Answer<typeof accessToken>> {
    return { access_token: await this.logIn.token(request) };
  }

  /** Where `airflowctl auth login` asks. */
  @Route('POST', '/auth/token/cli', 'public', 201)
  @Answers(accessToken)
  async createCliToken(@Req() request: FastifyRequest): Promise<Answer<typeof accessToken>> {
    return { access_token: await this.logIn.token(request) };
  }

  /** Airflow redirects to its login page; ours is the UI's. */
  @Operation('login')
  login(): AnswerTo<'login'> {
    return { detail: 'Log in at / or with POST /auth/token' };
  }

  @Operation('logout')
  logout(): AnswerTo<'logout'> {
    return { detail: 'Tokens live at the client: forget yours. Changing the password ends all of them.' };
  }
}
