import { Controller, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Actor } from '@millrace/access';
import { PluginHosts } from '../../plugin-hosts/plugin-hosts.js';
import type { HostResponse } from '../../plugin-hosts/plugin-host.js';
import { AnswersAs, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import type { ActingRequest } from '../security/token.guard.js';

const PREFIX = '/api/plugins/';
/** Credentials stay here; what only the connection is about says nothing to a plugin. */
const KEPT_BACK = new Set(['authorization', 'cookie', 'connection', 'host', 'content-length', 'transfer-encoding', 'upgrade', 'proxy-authorization']);
/** What an answer of a plugin may not say: cookies and policies are the api's. */
const NOT_ANSWERED = new Set(['set-cookie', 'content-security-policy', 'connection', 'content-length', 'transfer-encoding', 'x-content-type-options']);
const READ = { action: 'read', resource: 'plugin' } as const;
/** Who may work with dags may make a plugin do something. */
const WRITE = { action: 'edit', resource: 'dag' } as const;

/** Routes that plugins bring, each plugin in its own process under its own prefix. */
@Controller()
export class PluginRoutesController {
  constructor(@Inject(PluginHosts) private readonly hosts: PluginHosts) {}

  @Route('GET', '/api/plugins/:plugin/*', READ)
  @AnswersAs('*/*')
  read(@Param('plugin') plugin: string, @Req() request: ActingRequest, @Res() reply: FastifyReply, @CurrentActor() actor: Actor): Promise<void> {
    return this.#pass(plugin, request, reply, actor);
  }
  @Route('POST', '/api/plugins/:plugin/*', WRITE)
  @AnswersAs('*/*')
  create(@Param('plugin') plugin: string, @Req() request: ActingRequest, @Res() reply: FastifyReply, @CurrentActor() actor: Actor): Promise<void> {
    return this.#pass(plugin, request, reply, actor);
  }
  @Route('PUT', '/api/plugins/:plugin/*', WRITE)
  @AnswersAs('*/*')
  replace(@Param('plugin') plugin: string, @Req() request: ActingRequest, @Res() reply: FastifyReply, @CurrentActor() actor: Actor): Promise<void> {
    return this.#pass(plugin, request, reply, actor);
  }
  @Route('PATCH', '/api/plugins/:plugin/*', WRITE)
  @AnswersAs('*/*')
  change(@Param('plugin') plugin: string, @Req() request: ActingRequest, @Res() reply: FastifyReply, @CurrentActor() actor: Actor): Promise<void> {
    return this.#pass(plugin, request, reply, actor);
  }
  @Route('DELETE', '/api/plugins/:plugin/*', WRITE)
  @AnswersAs('*/*')
  remove(@Param('plugin') plugin: string, @Req() request: ActingRequest, @Res() reply: FastifyReply, @CurrentActor() actor: Actor): Promise<void> {
    return this.#pass(plugin, request, reply, actor);
  }

  async #pass(plugin: string, request: ActingRequest, reply: FastifyReply, actor: Actor): Promise<void> {
    const { pathname, searchParams } = new URL(request.url, 'http://api');
    const path = pathname.slice(PREFIX.length + encodeURIComponent(plugin).length);
    const headers = Object.fromEntries(Object.entries(request.headers).flatMap(([name, value]) => (KEPT_BACK.has(name) || value === undefined ? [] : [[name, String(value)]])));
    const answer = await this.hosts.ask(plugin, { method: request.method, path, query: Object.fromEntries(searchParams), headers, body: request.body ?? null, user: { name: actor.name } });
    void reply.status(statusOf(answer)).headers(headersOf(answer)).send(answer.body ?? answer.json ?? 'null');
  }
}

function statusOf({ status }: HostResponse): number {
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 502;
}

function headersOf({ headers, body }: HostResponse): Record<string, string> {
  const own = Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (NOT_ANSWERED.has(name.toLowerCase()) || !/^[\w-]+$/.test(name) ? [] : [[name.toLowerCase(), String(value).replaceAll(/[\r\n]/g, ' ')]])));
  // A page of a plugin runs apart from the UI's origin: it cannot act with the session of who looks at it.
  return { 'content-type': body === undefined ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8', ...own, 'content-security-policy': 'sandbox allow-scripts' };
}
