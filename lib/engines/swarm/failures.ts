import { errors } from '../../errors.js';
import type { Task } from './manager.js';

/** What a node says that can't have an image, or whose runtime can't start anything from it. */
const IMAGE = /image|manifest|pull|repository/i;
const START = /^starting container failed|runtime create failed|exec format/i;

/** The error for a task that could not be started. */
export function failureOf({ Status }: Task, image: string): Error {
  const why = Status.Err ?? Status.Message ?? Status.State;
  if (START.test(why)) {
    return new errors.ImageUnavailable(`A box can't be started from the image "${image}": ${why}`);
  }
  if (Status.State === 'rejected' && IMAGE.test(why)) {
    return new errors.ImageUnavailable(`The image "${image}" can't be had: ${why}`);
  }
  return new errors.EngineFailed(why);
}
