import type { WebSocket } from 'ws';

/** Pings in a row that a live peer may leave unanswered. */
const MISSES = 2;

/**
 * Pings a client, which keeps proxies from dropping an idle connection, and cuts it off when it misses two in a row. While
 * its input is held back its pongs can't be read: then only TCP can tell that it is gone.
 */
export function keepAlive(socket: WebSocket, pingSeconds: number): { end: () => void } {
  let unanswered = 0;
  socket.on('pong', () => {
    unanswered = 0;
  });
  const timer = setInterval(() => {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.isPaused) unanswered = 0;
    if (unanswered >= MISSES) return socket.terminate();
    unanswered += 1;
    socket.ping();
  }, pingSeconds * 1000);
  return { end: () => clearInterval(timer) };
}
