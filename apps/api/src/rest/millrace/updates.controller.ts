import { Controller, Headers, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import type { LiveUpdate, LiveUpdates } from '@millrace/live-updates';
import { Route } from '../openapi/operation.js';
import { LIVE_UPDATES } from '../tokens.js';
import { query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { RecentUpdates } from './recent-updates.js';
import type { NumberedUpdate } from './recent-updates.js';

const updatesQuery = z.object({ dag_id: query.text, kind: z.enum(['run', 'instance', 'dag', 'worker', 'log']).optional() });

/** Proxies close what is silent for a minute. */
const SIGN_OF_LIFE_EVERY_MS = 20_000;
/** A reader that lets this much pile up is behind for good: it is cut off and asks again. */
const BEHIND_MAX_BYTES = 1_048_576;

/**
 * Hints that something changed, as server-sent events. They may be lost; what is true is read from the other routes. A reader that comes back
 * with `last-event-id` gets what it missed, or the event `missed` when that is not known any more.
 */
@Controller()
export class UpdatesController {
  readonly #recent: RecentUpdates;

  constructor(@Inject(LIVE_UPDATES) liveUpdates: LiveUpdates) {
    this.#recent = new RecentUpdates(liveUpdates);
  }

  @Route('GET', '/api/millrace/v1/updates', { action: 'read', resource: 'dag_run' })
  async follow(@ValidQuery(updatesQuery) values: z.infer<typeof updatesQuery>, @Headers('last-event-id') last: string | undefined, @Res() reply: FastifyReply): Promise<void> {
    const events = new PassThrough();
    const write = (text: string): void => {
      if (events.writableLength > BEHIND_MAX_BYTES) events.destroy();
      else events.write(text);
    };
    const tell = ({ id, update }: NumberedUpdate): void => {
      if (wanted(update, values)) write(`id: ${id}\nevent: ${update.kind}\ndata: ${JSON.stringify(update)}\n\n`);
    };
    const leave = this.#recent.follow(tell);
    const signs = setInterval(() => write(': still here\n\n'), SIGN_OF_LIFE_EVERY_MS);
    events.once('close', () => {
      clearInterval(signs);
      leave();
    });
    reply.raw.once('close', () => events.destroy());
    write(': here\n\n');
    const missed = last === undefined || last === '' ? [] : this.#recent.since(last);
    if (missed === null) write('event: missed\ndata: {}\n\n');
    else for (const update of missed) tell(update);
    await reply.type('text/event-stream').header('x-accel-buffering', 'no').send(events);
  }
}

function wanted(update: LiveUpdate, values: z.infer<typeof updatesQuery>): boolean {
  return (values.dag_id === undefined || update.dagId === values.dag_id) && (values.kind === undefined || update.kind === values.kind);
}
