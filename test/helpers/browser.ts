import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { projectRoot } from '../../lib/paths.js';
import { findBrowser } from '../../setup/browser.js';
import type { Scope } from './scope.js';

/** Tells tap to skip what needs a browser, where there is none. */
export const withBrowser = { skip: findBrowser() ? false : 'there is no Chromium' };

/** How long anything that is waited for may take, in ms. */
const PATIENCE_MS = 20_000;

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Chromium sends nothing anywhere of its own. */
const QUIET = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Without WebGL a terminal is drawn with elements, whose text can be read. */
const NO_WEBGL = '--disable-3d-apis';

/** Starts a browser; it ends with the test. */
export async function startBrowser(t: Scope, { webgl = false } = {}): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: findBrowser() ?? '',
    args: webgl ? QUIET : [...QUIET, NO_WEBGL],
  });
  t.teardown(() => browser.close());
  return browser;
}

/** A person with a browser of their own: no cookies but theirs. */
export class Visitor {
  readonly page: Page;
  /** What the browser had to complain about: breaches of the page's policy, and errors that nobody caught. */
  readonly complaints: string[] = [];
  /** What was asked for: methods and addresses, WebSockets too. */
  readonly requests: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.complaints.push(String(error.stack)));
    page.on('console', (message) => {
      // Breaches of the policy are errors. What the service refused is for the page to tell; warnings are of slow machines.
      const isExpected = /^Failed to load resource|^WebSocket connection to/.test(message.text());
      if (message.type() === 'error' && !isExpected) this.complaints.push(message.text());
    });
    page.on('request', (request) => this.requests.push(`${request.method()} ${request.url()}`));
    page.on('websocket', (socket) => this.requests.push(`WEBSOCKET ${socket.url()}`));
  }

  static async arrive(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({ viewport: { width: 1100, height: 700 }, ...options });
    return new Visitor(await context.newPage());
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name });
  }

  link(name: string | RegExp): Locator {
    return this.page.getByRole('link', { name, exact: true });
  }

  /** The tab that is seen, when it is of this name. */
  tab(name: string): Locator {
    return this.page.locator('.tabs .current').getByText(name, { exact: true });
  }

  /** What is said of the connection of the terminal that is seen, when it is of this kind. */
  state(kind: 'connecting' | 'connected' | 'away' | 'ended'): Locator {
    return this.page.locator(`.line .state.${kind}`);
  }

  /** What axe finds wrong with the page for those who can't see it, or have no mouse. */
  async barriers(): Promise<string[]> {
    await this.page.evaluate(await readFile(AXE, 'utf8'));
    const found: { id: string; nodes: { html: string }[] }[] = await this.page.evaluate(
      // What is in a terminal's rows is the box's; what xterm.js has for screen readers is beside them.
      "axe.run({ exclude: ['.xterm'] }).then(({ violations }) => violations)",
    );
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }

  /** Types into what has the focus. */
  type(keys: string): Promise<void> {
    return this.page.keyboard.type(keys);
  }

  /** The text of the terminal that is seen. */
  async screen(): Promise<string> {
    const lines = await this.page.locator('.xterm-rows > div').allTextContents();
    return lines.map((line) => line.replaceAll('\xa0', ' ').trimEnd()).join('\n');
  }

  /** Waits until the terminal shows what the pattern matches. @returns its text */
  async shows(pattern: RegExp): Promise<string> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const text = await this.screen();
      if (pattern.test(text)) return text;
      if (performance.now() > deadline) throw new Error(`The terminal shows no ${pattern}, but:\n${text}`);
    }
  }

  /** Waits until the terminal is connected and its shell has a prompt. */
  async prompt(): Promise<void> {
    await this.state('connected').waitFor();
    await this.shows(/[#$] ?$/m);
  }

  /** Takes a picture of the page, for people to look at, into build/screenshots. */
  async picture(name: string): Promise<void> {
    const directory = path.join(projectRoot, 'build', 'screenshots');
    await mkdir(directory, { recursive: true });
    await this.page.screenshot({ path: path.join(directory, `${name}.png`) });
  }
}
