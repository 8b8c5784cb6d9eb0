/** A WebSocket as browsers and Node 22 have it, and as the package `ws` has it for older Node. */
export type Socket = Pick<
  WebSocket,
  | 'binaryType'
  | 'bufferedAmount'
  | 'protocol'
  | 'readyState'
  | 'close'
  | 'onclose'
  | 'onerror'
  | 'onmessage'
  | 'onopen'
> & {
  send(data: Uint8Array<ArrayBuffer>): void;
};

export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** What the sockets of the package `ws` can do in addition. */
type NodeSocket = Socket & {
  readonly isPaused: boolean;
  on(event: 'ping' | 'pong' | 'message', listener: () => void): void;
  ping(): void;
  pause(): void;
  resume(): void;
  terminate(): void;
};

/** Between checks of a connection, in ms; the service itself pings every 25 s. */
const CHECK_MS = 15_000;
/** After how long without a sign of life a connection is dead, in ms. */
const SILENCE_MS = 45_000;

/** The `readyState` of a socket that is open. */
export const OPEN = 1;

/** @throws {TypeError} when the platform has none and none was given */
export function socketConstructor(given: unknown = globalThis.WebSocket): SocketConstructor {
  if (given) return given as SocketConstructor;
  throw new TypeError('There is no WebSocket here: pass that of the package "ws" as an option.');
}

/** Holds back what the service sends, where the platform can: browsers can't. */
export const pauseSocket = (socket: Socket) => isNodes(socket) && socket.pause();

export const resumeSocket = (socket: Socket) => isNodes(socket) && socket.resume();

/** Cuts a connection off without a closing handshake, where the platform can; else begins that. */
export const cutOff = (socket: Socket) => (isNodes(socket) ? socket.terminate() : socket.close());

/**
 * Cuts a connection off when the other side is silent, which a network that went away does not tell. Browsers
 * don't let pages ping, so there it does nothing.
 * @returns a function that ends this
 */
export function watch(socket: Socket): () => void {
  if (!isNodes(socket)) return () => {};
  let heardAt = Date.now();
  const hear = () => {
    heardAt = Date.now();
  };
  for (const event of ['ping', 'pong', 'message'] as const) socket.on(event, hear);
  const timer = setInterval(() => {
    // What is not read can't be heard.
    if (socket.isPaused) hear();
    if (Date.now() - heardAt > SILENCE_MS) socket.terminate();
    else socket.ping();
  }, CHECK_MS);
  return () => clearInterval(timer);
}

function isNodes(socket: Socket): socket is NodeSocket {
  return 'ping' in socket && 'terminate' in socket;
}
