import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmailNotifier, EmailOperator } from '@millrace/operators';
import type { CallbackContext } from '@millrace/sdk';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextFor, runOperator } from './run-operator.js';
import type { ConnectionFields } from './run-operator.js';

/** This machine, but not by its name: a password goes there through TLS or not at all. */
const HOST = '127.0.0.2';

let server: SMTPServer;
let folder: string;
const mails: { readonly from: string; readonly to: readonly string[]; readonly text: string }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-mail-'));
  server = new SMTPServer({
    allowInsecureAuth: true,
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onAuth: (auth, _session, done) => (auth.username === 'ada' && auth.password === 'mail-secret' ? done(null, { user: 'ada' }) : done(new Error('Invalid username or password'))),
    onRcptTo: (address, _session, done) => done(address.address.startsWith('nobody@') ? new Error('no such mailbox') : null),
    onData: (stream, session, done) => {
      let text = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => {
        mails.push({ from: session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address, to: session.envelope.rcptTo.map((one) => one.address), text });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, () => resolve()));
});
afterAll(async () => {
  await new Promise<void>((resolve) => server.close(() => resolve()));
  rmSync(folder, { recursive: true, force: true });
});

const smtp = (more: Partial<ConnectionFields> = {}): Record<string, ConnectionFields> => ({
  smtp_default: { connType: 'smtp', host: HOST, port: (server.server.address() as AddressInfo).port, login: 'ada', password: 'mail-secret', extra: { from_email: 'flows@example.org', disable_tls: true }, ...more },
});
const send = (options: Partial<ConstructorParameters<typeof EmailOperator>[1]>, connections = smtp()) => runOperator(() => new EmailOperator('t', { to: 'ada@example.org', subject: 'Report', text: 'All is well.', ...options }), connections);

describe('EmailOperator', () => {
  it('sends text, HTML and files to all recipients', async () => {
    const file = join(folder, 'report.csv');
    writeFileSync(file, 'a,b\n1,2\n');
    const { result, error } = await send({ to: ['ada@example.org', 'grace@example.org'], cc: 'cc@example.org, dd@example.org', bcc: 'hidden@example.org', subject: 'Zahlen für heute', html: '<b>well</b>', files: [file], headers: { 'X-Run': 'r1' } });
    expect(error).toBeNull();
    expect(result.accepted).toEqual(['ada@example.org', 'grace@example.org', 'cc@example.org', 'dd@example.org', 'hidden@example.org']);
    const mail = mails.at(-1);
    expect(mail).toMatchObject({ from: 'flows@example.org', to: result.accepted });
    expect(mail?.text).toMatch(/^X-Run: r1$/m);
    expect(mail?.text).toContain('<b>well</b>');
    expect(mail?.text).toContain('filename=report.csv');
    expect(mail?.text).toContain(Buffer.from('a,b\n1,2\n').toString('base64'));
    expect(mail?.text).not.toContain('hidden@example.org');
  });

  it('says who was refused, and fails when nobody was accepted', async () => {
    const some = await send({ to: 'ada@example.org, nobody@example.org' });
    expect(some.result).toMatchObject({ accepted: ['ada@example.org'], rejected: ['nobody@example.org'] });
    expect(some.log.join()).toContain('refused nobody@example.org');
    expect((await send({ to: 'nobody@example.org' })).error?.message).toMatch(/no such mailbox/);
  });

  it('fails with a wrong password without repeating it, and without a sender', async () => {
    const wrong = await send({}, smtp({ password: 'wrong-secret' }));
    expect(wrong.error?.message).toMatch(/Invalid/);
    expect(`${wrong.error?.message}${wrong.log.join()}`).not.toContain('wrong-secret');
    expect((await send({}, smtp({ login: null, password: null, extra: {} }))).error?.message).toMatch(/no sender: give the option from, or extra.from_email/);
  });

  it('does not send a password in the clear to another machine', async () => {
    const before = mails.length;
    expect((await send({}, smtp({ extra: { from_email: 'flows@example.org' } }))).error?.message).toMatch(/TLS/);
    expect(mails).toHaveLength(before);
  });

  it.each<[options: any, says: RegExp]>([
    [{ to: undefined }, /task "t": to must be a text that is not empty, got nothing/],
    [{ to: [] }, /to must name somebody/],
    [{ subject: '' }, /subject must be a text/],
    [{ text: undefined }, /give html, text, or both/],
  ])('%j is refused where it is made', async (options, says) => {
    await expect(send(options)).rejects.toThrow(says);
  });
});

describe('EmailNotifier', () => {
  it('tells what happened', async () => {
    const context = { ...contextFor(smtp()).context, callback: { id: 'c-9', on: 'failure', reason: 'boom', state: 'failed', deadline: null } } as CallbackContext;
    await new EmailNotifier({ to: 'oncall@example.org' }).notify(context);
    expect(mails.at(-1)?.text).toMatch(/Subject: failure: test\.t, run r, try 1/);
    expect(mails.at(-1)?.text).toContain('X-Millrace-Callback: c-9');
    expect(mails.at(-1)?.text).toContain('boom');
  });
});
