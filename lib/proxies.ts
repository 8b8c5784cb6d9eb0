import { addressList } from './address-list.js';

/**
 * Which proxies' `X-Forwarded-*` are believed, as Fastify's `trustProxy` takes it: `false` for none, `true` for whoever sends
 * them, a number for so many proxies before the service, or their addresses and networks.
 *
 * A proxy that adds to what the client sent, as an ALB does, has to be counted or named: the client chose the rest.
 * @throws when it is none of these
 */
export function trustedProxies(
  text: string,
): boolean | string[] | ((address: string, hop: number) => boolean) {
  if (text === 'true' || text === 'false') return text === 'true';
  if (!/^\d{1,2}$/.test(text)) return addressList(text);
  return (_address, hop) => hop < Number(text);
}
