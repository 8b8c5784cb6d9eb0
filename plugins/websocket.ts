import { once } from 'node:events';
import fastifyWebsocket from '@fastify/websocket';
import fp from 'fastify-plugin';
import { CLOSE } from '../lib/terminals/session.js';

/** The largest frame that a client may send, in bytes; a larger one closes with 1009. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** How long clients have to answer the close, in ms. */
const CLOSE_TIMEOUT_MS = 2000;

declare module 'fastify' {
  interface FastifyInstance {
    /** Terminals that are being served or cleaned up after. */
    terminals: Set<Promise<void>>;
  }
}

/** WebSockets, and how they end when this server does: told to reconnect, cut off when they don't go. */
export default fp(
  async (app) => {
    app.decorate('terminals', new Set<Promise<void>>());
    await app.register(fastifyWebsocket, {
      options: { maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false },
      errorHandler: (error, socket, request) => {
        request.log.info({ err: error }, 'a terminal connection broke');
        socket.terminate();
      },
      // The plugin's own would close clients without a code.
      preClose: async () => {
        const sockets = [...app.websocketServer.clients];
        const deadline = setTimeout(() => {
          for (const socket of sockets) socket.terminate();
        }, CLOSE_TIMEOUT_MS);
        await Promise.all(
          sockets.map(async (socket) => {
            const closed = once(socket, 'close');
            socket.resume();
            socket.close(CLOSE.serviceRestart, 'This server is going away: connect again.');
            await closed;
          }),
        );
        clearTimeout(deadline);
        await Promise.allSettled(app.terminals);
      },
    });
  },
  { name: 'websocket', dependencies: ['env'] },
);
