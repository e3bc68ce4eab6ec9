import type { FastifyInstance } from 'fastify';
import type { Metrics } from '@millrace/telemetry';

const TRIGGER = { method: 'POST', route: '/api/v2/dags/:dag_id/dagRuns' } as const;
const LOGIN = { method: 'POST', route: '/auth/token' } as const;
/** Paths are callers' words; only routes of ours become series. */
const NO_ROUTE = 'none';

/** Counts and times every request by the pattern of its route, never by its path, and tells triggers and logins apart by what became of them. */
export function observeRequests(fastify: FastifyInstance, metrics: Metrics): void {
  const requests = metrics.counter({ name: 'http_requests_total', help: 'Requests answered, by method, route and status.', labels: ['method', 'route', 'status'] });
  const seconds = metrics.histogram({ name: 'http_request_seconds', help: 'From a request to the end of its answer; a followed log or a wait lasts as long as it is followed.', labels: ['method', 'route'] });
  const triggers = metrics.counter({ name: 'triggers_total', help: 'Runs asked for over REST: made, exists (409), refused (other 4xx), failed (5xx).', labels: ['result'] });
  const logins = metrics.counter({ name: 'logins_total', help: 'Tokens asked for: given, refused (wrong name or password, throttled, malformed), failed (5xx).', labels: ['result'] });
  metrics.gauge({ name: 'http_requests_in_flight', help: 'Requests being answered now; followed logs and waits are among them.', collect: (gauge) => gauge.set(inFlight) });
  let inFlight = 0;
  fastify.addHook('onRequest', async (_request, reply) => {
    inFlight++;
    // Also when the caller goes away before the answer, which ends no request for the hooks below.
    reply.raw.once('close', () => inFlight--);
  });
  fastify.addHook('onResponse', async (request, reply) => {
    const { method } = request;
    const status = reply.statusCode;
    // What nobody answers falls to the web UI's route for every other address, which then refuses it.
    const route = status === 404 && request.routeOptions.url === '/*' ? NO_ROUTE : (request.routeOptions.url ?? NO_ROUTE);
    requests.inc({ method, route, status: String(status) });
    seconds.observe({ method, route }, reply.elapsedTime / 1_000);
    if (method === TRIGGER.method && route === TRIGGER.route) triggers.inc({ result: status === 409 ? 'exists' : resultOf(status, 'made') });
    if (method === LOGIN.method && route === LOGIN.route) logins.inc({ result: resultOf(status, 'given') });
  });
}

function resultOf<Good extends string>(status: number, good: Good): Good | 'refused' | 'failed' {
  if (status >= 500) return 'failed';
  return status >= 400 ? 'refused' : good;
}
