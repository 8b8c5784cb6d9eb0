import fastifyWebsocket from '@fastify/websocket';
import fp from 'fastify-plugin';
import { CLOSE } from '../lib/terminals/close.js';
import { chooseProtocol } from '../lib/terminals/framing.js';
import { Terminals } from '../lib/terminals/terminals.js';

/** The largest frame that a client may send, in bytes; a larger one closes with 1009. */
const MAX_FRAME_BYTES = 1024 * 1024;

declare module 'fastify' {
  interface FastifyInstance {
    terminals: Terminals;
  }
}

/** WebSockets, as `app.terminals`, and how they end when this server does: told to reconnect, cut off when they don't go. */
export default fp(
  async (app) => {
    app.decorate('terminals', new Terminals());
    await app.register(fastifyWebsocket, {
      options: {
        maxPayload: MAX_FRAME_BYTES,
        perMessageDeflate: false,
        handleProtocols: chooseProtocol,
      },
      errorHandler: (error, socket, request) => {
        request.log.info({ err: error }, 'a terminal connection broke');
        socket.terminate();
      },
      // The plugin's own would close clients without a code.
      preClose: () =>
        app.terminals.closeAll({
          code: CLOSE.serviceRestart,
          reason: 'This server is going away: connect again.',
        }),
    });
  },
  // The engine's own end comes first: terminals that wait for a box to start wait no more.
  { name: 'websocket', dependencies: ['env', 'engine'] },
);
