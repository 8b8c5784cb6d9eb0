import type { WebSocket } from 'ws';
import type { Size } from './commands.js';

/** What a client's frame means. */
export type Input = { keys: Buffer } | { size: Size } | undefined;

/** How a terminal's bytes travel in a WebSocket's frames. */
export type Framing = {
  /** The frame for a chunk of output. */
  output(chunk: Buffer): Buffer;
  input(frame: Buffer): Input;
  /** The frame that tells how the shell ended, if the framing has one. */
  end(exitCode: number | undefined, message: string): Buffer | undefined;
};

/** A client's frames are keystrokes, and the server's are output. */
const raw: Framing = {
  output: (chunk) => chunk,
  input: (keys) => ({ keys }),
  end: () => undefined,
};

/** Channels of Kubernetes' remote command protocol, a frame's first byte. A terminal has no use for the second, stderr. */
const STDIN = 0;
const STDOUT = 1;
const STATUS = 3;
const RESIZE = 4;

const MAX_LENGTH = 1000;

/**
 * Kubernetes' remote command protocol, `v4.channel.k8s.io` and `v5.channel.k8s.io`: the fifth differs from the fourth in that a
 * client can close a channel (https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets).
 * The end of a terminal's input is Ctrl-D, so that is of no use here and is left out.
 */
const channels: Framing = {
  output: (chunk) => {
    const frame = Buffer.allocUnsafe(chunk.length + 1);
    frame[0] = STDOUT;
    chunk.copy(frame, 1);
    return frame;
  },
  input: (frame) => {
    if (frame[0] === STDIN) return frame.length > 1 ? { keys: frame.subarray(1) } : undefined;
    if (frame[0] === RESIZE) return parseSize(frame.toString('utf8', 1));
    return undefined;
  },
  end: (exitCode, message) => {
    const failure = {
      status: 'Failure',
      message,
      ...(exitCode === undefined
        ? { reason: 'InternalError' }
        : {
            reason: 'NonZeroExitCode',
            details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
          }),
    };
    const status = exitCode === 0 ? { status: 'Success' } : failure;
    return Buffer.concat([Buffer.of(STATUS), Buffer.from(JSON.stringify({ metadata: {}, ...status }))]);
  },
};

const FRAMINGS: Record<string, Framing> = {
  'v5.channel.k8s.io': channels,
  'v4.channel.k8s.io': channels,
  // Kubernetes' own name for frames of bytes: a browser that offers any subprotocol, such as the one that carries its
  // credential, fails a connection for which none is chosen (https://websockets.spec.whatwg.org/, "establish a WebSocket connection").
  'binary.k8s.io': raw,
};

/** The subprotocol to speak with a client that offers these; false for none. */
export function chooseProtocol(offered: Set<string>): string | false {
  return Object.keys(FRAMINGS).find((protocol) => offered.has(protocol)) ?? false;
}

/** The framing that was agreed upon with a client. */
export const framingOf = ({ protocol }: WebSocket): Framing => FRAMINGS[protocol] ?? raw;

function parseSize(text: string): Input {
  let size: { Width?: unknown; Height?: unknown } | null;
  try {
    size = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isLength = (length: unknown): length is number =>
    Number.isInteger(length) && Number(length) >= 1 && Number(length) <= MAX_LENGTH;
  const { Width: cols, Height: rows } = size ?? {};
  return isLength(cols) && isLength(rows) ? { size: { cols, rows } } : undefined;
}
