import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import type { LiveUpdate, LiveUpdates } from '@millrace/live-updates';
import { Route } from '../openapi/operation.js';
import { LIVE_UPDATES } from '../tokens.js';
import { query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';

const updatesQuery = z.object({ dag_id: query.text, kind: z.enum(['run', 'instance', 'dag', 'worker', 'log']).optional() });

/** Proxies close what is silent for a minute. */
const SIGN_OF_LIFE_EVERY_MS = 20_000;
/** A reader that lets this much pile up is behind for good: it is cut off and asks again. */
const BEHIND_MAX_BYTES = 1_048_576;

/** Hints that something changed, as server-sent events. They may be lost; what is true is read from the other routes. */
@Controller()
export class UpdatesController {
  constructor(@Inject(LIVE_UPDATES) private readonly liveUpdates: LiveUpdates) {}

  @Route('GET', '/api/millrace/v1/updates', { action: 'read', resource: 'dag_run' })
  async follow(@ValidQuery(updatesQuery) values: z.infer<typeof updatesQuery>, @Res() reply: FastifyReply): Promise<void> {
    const events = new PassThrough();
    const write = (text: string): void => {
      if (events.writableLength > BEHIND_MAX_BYTES) events.destroy();
      else events.write(text);
    };
    const leave = this.liveUpdates.subscribe((update) => {
      if (wanted(update, values)) write(`event: ${update.kind}\ndata: ${JSON.stringify(update)}\n\n`);
    });
    const signs = setInterval(() => write(': still here\n\n'), SIGN_OF_LIFE_EVERY_MS);
    events.once('close', () => {
      clearInterval(signs);
      leave();
    });
    reply.raw.once('close', () => events.destroy());
    write(': here\n\n');
    await reply.type('text/event-stream').header('x-accel-buffering', 'no').send(events);
  }
}

function wanted(update: LiveUpdate, values: z.infer<typeof updatesQuery>): boolean {
  return (values.dag_id === undefined || update.dagId === values.dag_id) && (values.kind === undefined || update.kind === values.kind);
}
