import { Controller, Headers, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import type { LiveUpdate, LiveUpdates } from '@millrace/live-updates';
import { ChangedRunsReader, Database } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { MillraceError } from '@millrace/vocabulary';
import { AnswersAs, Route } from '../openapi/operation.js';
import { currentScope } from '../security/request-scope.js';
import type { ActingRequest } from '../security/token.guard.js';
import { LIVE_UPDATES, LOGGER } from '../tokens.js';
import { query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { ChangedRuns } from './changed-runs.js';
import { RecentUpdates } from './recent-updates.js';
import type { NumberedUpdate } from './recent-updates.js';

const updatesQuery = z.object({ dag_id: query.text, kind: z.enum(['run', 'instance', 'dag', 'worker', 'log']).optional() });

/** Proxies close what is silent for a minute. */
const SIGN_OF_LIFE_EVERY_MS = 20_000;
/** So long a stream may go on with what its reader was allowed before. */
const LOOK_AGAIN_EVERY_MS = 2_000;
/** A reader that lets this much pile up is behind for good: it is cut off and asks again. */
const BEHIND_MAX_BYTES = 1_048_576;

/**
 * Hints that something changed, as server-sent events: from Redis, and without it from the database, some seconds later. They may be lost; what is true is read from the other routes. A reader that comes back
 * with `last-event-id` gets what it missed, or the event `missed` when that is not known any more.
 */
@Controller()
export class UpdatesController {
  readonly #recent: RecentUpdates;

  constructor(@Inject(LIVE_UPDATES) liveUpdates: LiveUpdates, @Inject(Database) database: Database, @Inject(LOGGER) logger: Logger) {
    this.#recent = new RecentUpdates(liveUpdates, (tell) => new ChangedRuns(new ChangedRunsReader(database.pool), () => !liveUpdates.hearsOthers, tell, logger));
  }

  @Route('GET', '/api/millrace/v1/updates', { action: 'read', resource: 'dag_run' })
  @AnswersAs('text/event-stream')
  async follow(@ValidQuery(updatesQuery) values: z.infer<typeof updatesQuery>, @Headers('last-event-id') last: string | undefined, @Req() request: ActingRequest, @Res() reply: FastifyReply): Promise<void> {
    const events = new PassThrough();
    const write = (text: string): void => {
      if (events.writableLength > BEHIND_MAX_BYTES) events.destroy();
      else events.write(text);
    };
    let { scope } = currentScope();
    const tell = ({ id, update }: NumberedUpdate): void => {
      // What is of no dag is for those who see all.
      const sees = update.dagId === undefined ? scope.dagIds === null : scope.hasDag(update.dagId);
      if (sees && wanted(update, values)) write(`id: ${id}\nevent: ${update.kind}\ndata: ${JSON.stringify(update)}\n\n`);
    };
    const leave = this.#recent.follow(tell);
    const looks = setInterval(() => {
      request.again?.().then((now) => (scope = now), (error: unknown) => {
        // Logged out, revoked, or with fewer roles; a database that is away is none of that.
        if (error instanceof MillraceError && (error.code === 'unauthorized' || error.code === 'forbidden')) events.end();
      });
    }, LOOK_AGAIN_EVERY_MS);
    const signs = setInterval(() => write(': still here\n\n'), SIGN_OF_LIFE_EVERY_MS);
    events.once('close', () => {
      clearInterval(signs);
      clearInterval(looks);
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
