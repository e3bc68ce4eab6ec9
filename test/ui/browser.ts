import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PASSWORD } from './standalone.js';

/** Of Debian's package; named by `npm test`, which installs it where it can. */
export function chromiumPath(): string | null {
  return process.env['MILLRACE_TEST_CHROMIUM'] ?? null;
}

export async function openBrowser(path: string): Promise<Browser> {
  return chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--no-first-run'] });
}

export interface Visit extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page complained of so far: errors, and what its policy refused. Nothing is expected. */
  readonly complaints: readonly string[];
}

/** A fresh browser profile at the UI. */
export async function visit(browser: Browser, url: string, options: { readonly scheme?: 'light' | 'dark'; readonly language?: string; readonly width?: number; readonly height?: number } = {}): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 }, colorScheme: options.scheme ?? 'light', locale: options.language ?? 'en-GB', timezoneId: 'Europe/Berlin', acceptDownloads: true,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // A refused login is told by the browser as well; a busy server says 503, and the page asks again.
    if (message.type() === 'error' && !/status of (40[134]|503)/.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  // Only ends what would hang for ever: on a busy machine a page takes its time.
  page.setDefaultTimeout(90_000);
  await page.goto(url);
  return { page, context, complaints, [Symbol.asyncDispose]: () => context.close() };
}

export async function logIn(page: Page, name = 'admin'): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('navigation', { name: 'Main' }).waitFor();
}
