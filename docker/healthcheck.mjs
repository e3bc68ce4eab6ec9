// HEALTHCHECK of the image: 0 when a service in this container is alive. MILLRACE_HEALTH_URL asks another address, e.g. /readyz.
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';

const PORTS = [8080, 8974, 8794, 8795, 8796];
// A service with a certificate answers over TLS. Whether it is alive is asked within this container, whatever host the certificate names, and nothing is sent.
const urls = process.env.MILLRACE_HEALTH_URL ? [process.env.MILLRACE_HEALTH_URL] : PORTS.flatMap((port) => ['http', 'https'].map((scheme) => `${scheme}://127.0.0.1:${port}/livez`));
const answers = await Promise.allSettled(urls.map((url) => new Promise((resolve, reject) => {
  const get = url.startsWith('https:') ? getHttps : getHttp;
  get(url, { rejectUnauthorized: false, signal: AbortSignal.timeout(2_000) }, (response) => {
    response.resume();
    if (response.statusCode >= 200 && response.statusCode < 300) resolve();
    else reject(new Error(`${url} answered ${response.statusCode}`));
  }).once('error', (error) => reject(new Error(`${url}: ${error.message}`)));
})));
if (!answers.some((answer) => answer.status === 'fulfilled')) {
  console.error(answers.map((answer) => answer.reason?.message).join('; '));
  process.exit(1);
}
process.exit(0);
