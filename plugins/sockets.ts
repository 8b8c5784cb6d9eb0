import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { normalizeIP } from '@fastify/rate-limit';
import fp from 'fastify-plugin';
import { errors } from '../lib/errors.js';
import { trustedProxies } from '../lib/proxies.js';
import { CLIENT_SUBNET } from './limits.js';

const { code, message } = new errors.TooManyConnections();
const REFUSAL = JSON.stringify({ statusCode: 503, code, error: STATUS_CODES[503], message });

/** What is told to a connection over which nothing has been asked yet (RFC 9112). */
const ANSWER = [
  'HTTP/1.1 503 Service Unavailable',
  'connection: close',
  'content-type: application/json; charset=utf-8',
  `content-length: ${Buffer.byteLength(REFUSAL)}`,
  'retry-after: 10',
  '',
  REFUSAL,
].join('\r\n');

/**
 * How many connections an address may have open to this replica. Behind a proxy they are all the proxy's, which then has to
 * count its own.
 */
export default fp(
  async (app) => {
    const { CONNECTIONS_PER_ADDRESS: max, TRUST_PROXY: proxies } = app.config;
    if (max === 0 || trustedProxies(proxies) !== false) return;
    const open = new Map<string, number>();
    app.server.on('connection', (socket: Socket) => {
      const address = normalizeIP(socket.remoteAddress ?? '', CLIENT_SUBNET);
      const count = (open.get(address) ?? 0) + 1;
      open.set(address, count);
      socket.once('close', () => {
        const left = (open.get(address) ?? 1) - 1;
        if (left > 0) open.set(address, left);
        else open.delete(address);
      });
      if (count <= max) return;
      // It is not read from: what it sends meanwhile would be one more request.
      socket.pause();
      socket.end(ANSWER, () => socket.destroy());
    });
  },
  { name: 'sockets', dependencies: ['env'] },
);
