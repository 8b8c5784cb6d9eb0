export type Message = { output: Uint8Array } | { exitStatus: number | undefined } | undefined;

/**
 * Kubernetes' remote command protocol, version 5: a frame's first byte is its channel
 * (https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets).
 */
export const PROTOCOL = 'v5.channel.k8s.io';

const STDIN = 0;
const STDOUT = 1;
const STATUS = 3;
const RESIZE = 4;

export const keysFrame = (bytes: Uint8Array) => frame(STDIN, bytes);

/** The frame that tells how large the window is. */
export const sizeFrame = (cols: number, rows: number) =>
  frame(RESIZE, new TextEncoder().encode(JSON.stringify({ Width: cols, Height: rows })));

/** What a frame from the service brings. */
export function parseFrame(bytes: Uint8Array): Message {
  const payload = bytes.subarray(1);
  if (bytes[0] === STDOUT) return { output: payload };
  if (bytes[0] === STATUS) return { exitStatus: exitStatusOf(payload) };
  return undefined;
}

function frame(channel: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(payload.length + 1);
  bytes[0] = channel;
  bytes.set(payload, 1);
  return bytes;
}

/** The shell's exit status in a `Status` of Kubernetes' API; undefined when it tells of none. */
function exitStatusOf(payload: Uint8Array): number | undefined {
  let status: { status?: string; reason?: string; details?: { causes?: { message?: string }[] } };
  try {
    status = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
  if (status.status === 'Success') return 0;
  const exitStatus = Number.parseInt(status.details?.causes?.[0]?.message ?? '', 10);
  return status.reason === 'NonZeroExitCode' && exitStatus >= 0 ? exitStatus : undefined;
}
