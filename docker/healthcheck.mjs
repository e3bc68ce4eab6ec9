// HEALTHCHECK of the image: 0 when a service in this container is alive. MILLRACE_HEALTH_URL asks another address, e.g. /readyz.
const PORTS = [8080, 8974, 8794, 8795, 8796];
const urls = process.env.MILLRACE_HEALTH_URL ? [process.env.MILLRACE_HEALTH_URL] : PORTS.map((port) => `http://127.0.0.1:${port}/livez`);
const answers = await Promise.allSettled(urls.map(async (url) => {
  const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  if (!ok) throw new Error(`${url} answered ${status}`);
}));
if (!answers.some((answer) => answer.status === 'fulfilled')) {
  console.error(answers.map((answer) => answer.reason?.message).join('; '));
  process.exit(1);
}
