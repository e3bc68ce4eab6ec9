import { dag } from '@millrace/sdk';

const SCRIPT = '<script>window.__owned = "script"</script><img src="x" onerror="window.__owned = \'image\'"><svg onload="window.__owned = \'svg\'">';

/** Everything an author may write, written by somebody who means harm. */
export default dag('hostile', {
  description: SCRIPT,
  tags: [SCRIPT.slice(0, 90)],
  docMd: `# ${SCRIPT}\n\n[a](javascript:window.__owned='link') [b](data:text/html,<script>1</script>) ![c](https://example.org/beacon.png)\n\n<iframe src="javascript:window.__owned='frame'"></iframe>`,
}, (d) => {
  const attack = d.task('attack', async (_, { log }) => {
    log.info(SCRIPT);
    console.log(`\u001b]8;;javascript:window.__owned='osc'\u0007click me\u001b]8;;\u0007 \u001b[31m${SCRIPT}\u001b[0m`);
    return { [SCRIPT]: SCRIPT, proto: JSON.parse('{"__proto__": {"owned": true}}') as unknown };
  });
  attack();
});
