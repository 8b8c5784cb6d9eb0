import { type DockboxClient, type DockboxError, unwrap } from './client.js';

/** How long the service may take to answer, in ms. */
const TIMEOUT_MS = 15_000;

const NO_WEBSOCKET =
  'The service answers, but its WebSocket does not: try again, or see whether a proxy before it passes WebSockets on.';

/** What there is to know about a terminal that can't be connected to. */
export type Outlook = {
  reason: string;
  /** The service's answer, when it was not 200. */
  statusCode?: number;
  /** Whether to try again is in vain. */
  isFinal: boolean;
  /** Whether the service has the box, and the box a container that runs. */
  hasBox: boolean;
  isRunning: boolean;
};

/** Asks the service about a terminal's box: browsers don't tell why a WebSocket was refused. It does not throw. */
export async function look(client: DockboxClient, box: string): Promise<Outlook> {
  try {
    const { status, running, error } = await unwrap(
      client.GET('/v1/dockbox/{id}', {
        params: { path: { id: box } },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }),
    );
    const isFinal = status === 'failed';
    const reason = isFinal ? `This dockbox could not be created: ${error}` : NO_WEBSOCKET;
    return { reason, isFinal, hasBox: true, isRunning: running };
  } catch (error) {
    const { message: reason, statusCode = 0 } = error as Error & Partial<DockboxError>;
    const isFinal = statusCode >= 400 && statusCode < 500 && statusCode !== 429;
    return { reason, isFinal, hasBox: false, isRunning: false, ...(statusCode && { statusCode }) };
  }
}
