import { createInterface } from 'node:readline';
import type Docker from 'dockerode';
import { ask, found, statusOf } from '../docker.js';
import { errors } from '../errors.js';
import { reason } from '../refusal.js';
import { safeLine } from '../sources/progress-lines.js';

/** How long a pull may take unless its caller says otherwise, in ms. */
const PULL_TIMEOUT_MS = 600_000;

type PullOptions = { onProgress?: (line: string) => void; signal?: AbortSignal };

/** One line of the engine's progress, as its pull stream sends them. */
type Progress = { status?: string; id?: string; error?: string };

/**
 * An image reference by the grammar of the distribution project (`reference/regexp.go`): an optional registry host,
 * lower-case path components, then an optional tag and digest.
 */
const REFERENCE =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d{1,5})?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?<tag>:\w[\w.-]{0,127})?(?<digest>@[a-z0-9]+:[0-9a-f]{32,})?$/;

/**
 * An image reference with its tag: without one the engine would pull every tag of the repository.
 * @throws {@link errors.InvalidRequest} when the text is not an image reference
 */
export function normalizeImage(image: string): string {
  const match = image.length <= 255 ? REFERENCE.exec(image) : null;
  if (!match) {
    throw new errors.InvalidRequest(
      `"${image}" is not an image reference: give one such as "python:3" or "registry.example/team/image:tag".`,
    );
  }
  return match.groups?.tag || match.groups?.digest ? image : `${image}:latest`;
}

/** Whether the engine has the image. */
export async function hasImage(docker: Docker, image: string): Promise<boolean> {
  return (await ask(found(docker.getImage(image).inspect()))) !== undefined;
}

/**
 * Pulls an image.
 * @param onProgress gets a line when a layer's state changes
 * @param signal gives the pull up
 * @throws {@link errors.ImageUnavailable} with the registry's words when it can't be had
 */
export async function pullImage(
  docker: Docker,
  image: string,
  { onProgress, signal = AbortSignal.timeout(PULL_TIMEOUT_MS) }: PullOptions = {},
): Promise<void> {
  // Whoever names an image chooses the registry, and so what it says, which ends up in people's terminals.
  const unavailable = (cause: string) =>
    new errors.ImageUnavailable(`The image "${image}" can't be pulled: ${safeLine(cause)}`);

  let stream: NodeJS.ReadableStream;
  try {
    // It is the registry that answers, in its own time.
    stream = await ask(docker.pull(image, { abortSignal: signal }), Number.POSITIVE_INFINITY);
  } catch (error) {
    if (signal.aborted) throw unavailable('it took too long.');
    if (statusOf(error) === undefined) throw error;
    throw unavailable(reason(error));
  }

  try {
    let last = '';
    for await (const line of createInterface({ input: stream })) {
      const { status, id, error } = JSON.parse(line) as Progress;
      if (error) throw unavailable(error);
      const text = id ? `${id}: ${status}` : (status ?? '');
      // The engine repeats a state with every few kilobytes.
      if (text !== last) onProgress?.(safeLine(text));
      last = text;
    }
  } catch (error) {
    if (signal.aborted) throw unavailable('it took too long.');
    throw error;
  }
}
