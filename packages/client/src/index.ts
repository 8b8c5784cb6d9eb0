export { type ClientOptions, createClient, type DockboxClient, DockboxError, unwrap } from './client.js';
export { formatLink, parseLink, type TerminalLink } from './links.js';
export type { components, operations, paths } from './schema.js';
export { openTerminal, Terminal } from './terminal.js';
export type { TerminalEnd, TerminalEvents, TerminalOptions } from './terminal-types.js';

import type { components } from './schema.js';

/** An environment made from a source. */
export type Box = components['schemas']['Box'];
/** A terminal that is held in a box. */
export type HeldTerminal = components['schemas']['Terminal'];
