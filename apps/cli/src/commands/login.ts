import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import { homeFolder } from '../client/home.js';
import { Profiles } from '../client/profiles.js';
import { renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

/** Asks the api for a token and keeps it as a profile, which is the current one from then on. */
export async function logIn(url: string, options: { readonly username?: string; readonly passwordStdin?: boolean; readonly profile?: string }): Promise<void> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new MillraceError('bad_request', `${JSON.stringify(url)} is no address like https://millrace.example.org`);
  if (new URL(url).username !== '') throw new MillraceError('bad_request', 'no name and password in the address, please: it ends in the history of your shell. Use --username, and type the password when asked');
  const address = url.replace(/\/+$/, '');
  const username = options.username ?? process.env['MILLRACE_USERNAME'] ?? (await asked(`User at ${address}: `, false));
  const password = options.passwordStdin === true ? (await allOfStdin()).replace(/\r?\n$/, '') : (process.env['MILLRACE_PASSWORD'] || (await asked(`Password of ${username}: `, true)));
  const home = homeFolder();
  const token = await ApiClient.tokenFor(address, username, password);
  const profile = options.profile ?? new URL(address).hostname;
  new Profiles(home).keep(profile, { url: address, username, token });
  tell(`Logged in to ${address} as ${username}; commands ask it from now on (profile ${profile}). millrace logout ends that.`);
}

export function logOut(options: { readonly profile?: string }): void {
  const profiles = new Profiles(homeFolder());
  const name = options.profile ?? profiles.current;
  if (name === null) return tell('nobody is logged in');
  profiles.forget(name);
  tell(`the token of profile ${name} is forgotten here`);
}

export async function listProfiles(options: OutputOptions): Promise<void> {
  const profiles = new Profiles(homeFolder());
  const rows = [...profiles.all].map(([name, { url, username }]) => ({ current: name === profiles.current ? '*' : '', name, url, username }));
  print(await renderRows(rows, ['current', 'name', 'url', 'username'], options.output));
}

export function useProfile(name: string): void {
  new Profiles(homeFolder()).use(name);
  tell(`commands ask ${name} from now on`);
}

/** @param hidden nothing of what is typed is shown */
async function asked(question: string, hidden: boolean): Promise<string> {
  if (!process.stdin.isTTY) throw new MillraceError('bad_request', hidden ? 'no terminal to ask for the password: give it by --password-stdin or MILLRACE_PASSWORD' : 'no terminal to ask for the user: give it by --username or MILLRACE_USERNAME');
  process.stderr.write(question);
  const lines = createInterface({ input: process.stdin, output: hidden ? new Writable({ write: (_chunk, _encoding, done) => done() }) : process.stderr, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => reject(new MillraceError('bad_request', 'nothing was typed')));
    });
  } finally {
    lines.close();
    if (hidden) process.stderr.write('\n');
  }
}

async function allOfStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
