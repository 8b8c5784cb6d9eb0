import type { ContainerSpec, Job } from './container.js';

/** A source that has answered: what its kind brings to the job that fetches it. */
export type Opened = Pick<ContainerSpec, 'network' | 'script'> &
  Pick<Job, 'variables' | 'input'> & {
    ref?: string | undefined;
    directory?: string | undefined;
  };
