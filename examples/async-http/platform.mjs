// A stand-in for a platform that does work for others, over HTTP. Nothing but Node.js.
//
//   node examples/async-http/platform.mjs [port]        default 8090
//
// POST /jobs                { "seconds": 5, "fail": false, "callback_url": "…", "idempotency_key": "…" }  ->  202 { "id": "job-1" }
// GET  /jobs/job-1          { "id": "job-1", "status": "running", "progress": { "percent": 40 } }
// POST /jobs/job-1/cancel   stops it
//
// The same idempotency key never starts a second job. Progress and the end are reported to the callback address.
import { createServer } from 'node:http';

const port = Number(process.argv[2] ?? 8090);
const jobs = new Map();

const server = createServer(async (request, response) => {
  const say = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const [, what, id, verb] = (request.url ?? '').split('/');
  if (what !== 'jobs') return say(404, { error: 'only /jobs is here' });
  if (request.method === 'POST' && id === undefined) return say(202, { id: start(await bodyOf(request)).id });
  const job = [...jobs.values()].find((one) => one.id === id);
  if (job === undefined) return say(404, { error: `no job ${id}` });
  if (request.method === 'POST' && verb === 'cancel') {
    end(job, 'cancelled');
    return say(200, shown(job));
  }
  return say(200, shown(job));
});
server.listen(port, '127.0.0.1', () => console.log(`platform on http://127.0.0.1:${port}`));

function start({ seconds: given = 5, fail = false, callback_url: callbackUrl, idempotency_key: key }) {
  const seconds = Number(given);
  const known = jobs.get(key);
  if (known !== undefined) {
    console.log(`${known.id}: asked for again, not started again`);
    return known;
  }
  const job = { id: `job-${jobs.size + 1}`, status: 'running', percent: 0, callbackUrl, timer: undefined };
  jobs.set(key ?? job.id, job);
  console.log(`${job.id}: started, ${seconds} s`);
  job.timer = setInterval(() => {
    job.percent = Math.min(100, job.percent + 20);
    if (job.percent < 100) return void report(job, { state: 'running', progress: { percent: job.percent } });
    end(job, fail ? 'failed' : 'succeeded');
    void report(job, fail ? { state: 'failed', reason: 'it was told to fail' } : { state: 'success', result: { rows: seconds * 1000 } });
  }, (seconds * 1000) / 5);
  return job;
}

function end(job, status) {
  if (job.status !== 'running') return;
  clearInterval(job.timer);
  job.status = status;
  console.log(`${job.id}: ${status}`);
}

/** Tries again for a while: whoever waits may be restarting. What was heard already is answered as such. */
async function report(job, body, tries = 10) {
  if (job.callbackUrl === undefined) return;
  try {
    const response = await fetch(job.callbackUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const answer = await response.text();
    console.log(`${job.id}: reported ${body.state}, answered ${response.status} ${answer}`);
    if (response.status < 500) return;
  } catch (error) {
    console.log(`${job.id}: could not report ${body.state}: ${error.message}`);
  }
  if (tries > 1) setTimeout(() => void report(job, body, tries - 1), 1000);
}

function shown(job) {
  return { id: job.id, status: job.status, progress: { percent: job.percent } };
}

async function bodyOf(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text === '' ? {} : JSON.parse(text);
}
