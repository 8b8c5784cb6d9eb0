import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';

/** Between two visits, in ms. */
const VISIT_MS = 250;

/** What became of the visits. */
export type Visits = { calls: number; connects: number; refused: Map<string, number> };

/** Those who come while servers change, and know of no second attempt: each asks about a box and opens a terminal. */
export async function keepComing(base: string, box: string, signal: AbortSignal): Promise<Visits> {
  const visits: Visits = { calls: 0, connects: 0, refused: new Map() };
  const refuse = (why: string) => visits.refused.set(why, (visits.refused.get(why) ?? 0) + 1);
  while (!signal.aborted) {
    visits.calls += 1;
    const answer = await fetch(`${base}/v1/dockbox/${box}`).catch((error: Error) => error);
    if (answer instanceof Error) refuse(`GET: ${answer.message}`);
    else {
      const body = await answer.text();
      // The proxy's own answers have none of our codes.
      if (!answer.ok) refuse(`GET: ${answer.status} ${/DBX_\w+/.exec(body)?.[0] ?? 'of the proxy'}`);
    }
    visits.connects += 1;
    const why = await visit(`${base.replace('http', 'ws')}/v1/dockbox/ws/${box}?terminal=newcomer`);
    if (why) refuse(`terminal: ${why}`);
    await delay(VISIT_MS);
  }
  return visits;
}

/** @returns why there was no terminal */
async function visit(address: string): Promise<string | undefined> {
  const socket = new WebSocket(address, { perMessageDeflate: false });
  try {
    await once(socket, 'open');
    // Something is shown.
    await Promise.race([
      once(socket, 'message'),
      once(socket, 'close').then(([code]) => Promise.reject(new Error(`closed with ${code}`))),
    ]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    const gone = once(socket, 'close').catch(() => {});
    socket.close(1000);
    if (socket.readyState !== socket.CLOSED) await gone;
  }
}
