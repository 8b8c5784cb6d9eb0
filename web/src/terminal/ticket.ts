/** Kubernetes' convention for a bearer credential, for browsers' WebSockets, which can send no headers. */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/** A WebSocket that shows a ticket as a subprotocol: an address, unlike that, would be in the logs of proxies. */
export function withTicket(ticket: string) {
  const encoded = btoa(ticket).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, [...protocols, BEARER_PROTOCOL + encoded]);
    }
  };
}
