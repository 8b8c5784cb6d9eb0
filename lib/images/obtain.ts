import type Docker from 'dockerode';
import { errors } from '../errors.js';
import type { Choice } from './choose.js';
import { hasImage, pullImage } from './pull.js';

type Options = {
  baseImage: string;
  signal: AbortSignal;
  onProgress: (line: string) => void;
};

/**
 * Sees to it that the engine has the chosen image, and falls back to the base image, with a warning, where dockbox
 * chose and it can't be had.
 * @throws {@link errors.ImageUnavailable} when the user named the image, or the base image itself is missing
 */
export async function obtainImage(
  docker: Docker,
  choice: Choice,
  { baseImage, signal, onProgress }: Options,
): Promise<{ image: string; warnings: string[] }> {
  const { image, requested, warnings } = choice;
  if (await hasImage(docker, image)) return { image, warnings };
  onProgress(`Pulling the image ${image}`);
  try {
    await pullImage(docker, image, { onProgress, signal });
    return { image, warnings };
  } catch (error) {
    const fallback = !requested && image !== baseImage && error instanceof errors.ImageUnavailable;
    if (!fallback) throw error;
    const why = error.message.replace(/\.?$/, '.');
    return { image: baseImage, warnings: [...warnings, `${why} The base image is used instead.`] };
  }
}
