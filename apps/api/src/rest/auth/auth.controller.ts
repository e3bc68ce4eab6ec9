import { Controller, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Operation, Route } from '../openapi/operation.js';
import { LogIn } from './log-in.js';

@Controller()
export class AuthController {
  constructor(@Inject(LogIn) private readonly logIn: LogIn) {}

  @Route('POST', '/auth/token', 'public', 201)
  async createToken(@Req() request: FastifyRequest): Promise<{ access_token: string }> {
    return { access_token: await this.logIn.token(request) };
  }

  /** Where `airflowctl auth login` asks. */
  @Route('POST', '/auth/token/cli', 'public', 201)
  async createCliToken(@Req() request: FastifyRequest): Promise<{ access_token: string }> {
    return { access_token: await this.logIn.token(request) };
  }

  /** Airflow redirects to its login page; ours is the UI's. */
  @Operation('login')
  login(): { detail: string } {
    return { detail: 'Log in at / or with POST /auth/token' };
  }

  @Operation('logout')
  logout(): { detail: string } {
    return { detail: 'Tokens live at the client: forget yours. Changing the password ends all of them.' };
  }
}
