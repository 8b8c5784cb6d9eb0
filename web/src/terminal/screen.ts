import './strict-styles.js';
import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { WebglAddon } from '@xterm/addon-webgl';
import { Terminal } from '@xterm/xterm';
import { plain } from '../text.js';
import { coloursOf } from './colours.js';

const FONTS =
  'ui-monospace, "SF Mono", SFMono-Regular, Menlo, "Cascadia Mono", Consolas, "DejaVu Sans Mono", "Liberation Mono", "Noto Sans Mono", monospace';
const FONT_SIZE_PX = 13;
const SCROLLBACK_LINES = 10_000;

export type ScreenListeners = {
  onKeys: (keys: string | Uint8Array) => void;
  onSize: (cols: number, rows: number) => void;
  onTitle: (title: string) => void;
};

/** The emulator of one terminal, in an element of its own. */
export class Screen {
  readonly element = document.createElement('div');
  readonly emulator: Terminal;
  readonly search = new SearchAddon();
  readonly #fit = new FitAddon();
  readonly #resizes = new ResizeObserver(() => this.fit());
  #webgl: WebglAddon | undefined;

  constructor({ onKeys, onSize, onTitle }: ScreenListeners) {
    this.element.className = 'screen';
    this.emulator = new Terminal({
      // The widths of characters, which the box's side has to agree with, are a proposed API.
      allowProposedApi: true,
      fontFamily: FONTS,
      fontSize: FONT_SIZE_PX,
      lineHeight: 1.15,
      scrollback: SCROLLBACK_LINES,
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      macOptionIsMeta: true,
      minimumContrastRatio: 4.5,
      // Links that programs mark as such. Those that they only print are the add-on's.
      linkHandler: { activate: (_event, address) => openLink(address) },
    });
    for (const addon of [this.#fit, this.search, new Unicode11Addon()]) this.emulator.loadAddon(addon);
    this.emulator.loadAddon(new WebLinksAddon((_event, address) => openLink(address)));
    // The widths that tmux knows, which holds the terminal in the box; it does not join graphemes.
    this.emulator.unicode.activeVersion = '11';
    this.emulator.onData(onKeys);
    // Mouse reports of old, whose bytes are no text.
    this.emulator.onBinary((bytes) => onKeys(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))));
    this.emulator.onResize(({ cols, rows }) => onSize(cols, rows));
    this.emulator.onTitleChange((title) => onTitle(plain(title)));
  }

  /** Shows it, where its element has been put into the page. The first time, that is when its size is known. */
  show(): void {
    if (!this.emulator.element) this.emulator.open(this.element);
    this.#resizes.observe(this.element);
    this.#draw();
    this.fit();
  }

  /** Browsers have only a few WebGL contexts: a terminal that is not seen gives its own back. */
  hide(): void {
    this.#resizes.disconnect();
    this.#release();
  }

  fit(): void {
    if (this.element.clientWidth > 0) this.#fit.fit();
  }

  colour(isDark: boolean): void {
    this.emulator.options.theme = coloursOf(isDark);
  }

  /** Whether screen readers are told what is shown; not always, as it slows output down. */
  get isRead(): boolean {
    return this.emulator.options.screenReaderMode ?? false;
  }

  toggleReading(): void {
    this.emulator.options.screenReaderMode = !this.isRead;
  }

  /** What an arrow key, `A` to `D`, says in the mode that the program has chosen (DECCKM). */
  arrow(letter: string): string {
    return `\x1b${this.emulator.modes.applicationCursorKeysMode ? 'O' : '['}${letter}`;
  }

  dispose(): void {
    this.hide();
    this.emulator.dispose();
    this.element.remove();
  }

  #release(): void {
    this.#webgl?.dispose();
    this.#webgl = undefined;
  }

  /** With WebGL where there is any, else with DOM elements, which is xterm.js's own way. */
  #draw(): void {
    if (this.#webgl) return;
    const webgl = new WebglAddon();
    try {
      this.emulator.loadAddon(webgl);
    } catch {
      return;
    }
    this.#webgl = webgl;
    webgl.onContextLoss(() => this.#release());
  }
}

function openLink(address: string): void {
  if (/^https?:\/\//i.test(address)) open(address, '_blank', 'noopener,noreferrer');
}
