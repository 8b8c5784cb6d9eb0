/** A time up to a quarter earlier or later: replicas that work at the same moment would only wait for each other. In ms. */
export const jitter = (ms: number) => ms * (0.75 + Math.random() / 2);

/**
 * Does `work` again and again, `delayMs` after it last ended, so that a slow run never overlaps the next. The timer does
 * not keep the process alive.
 * @param delayMs called before each wait, in ms
 * @param onError gets what a run throws; the runs go on
 * @returns a function that ends this, and waits for the run at work
 */
export function every(
  delayMs: () => number,
  work: () => Promise<void>,
  onError: (error: unknown) => void | Promise<void>,
): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let running = Promise.resolve();

  const arm = () => {
    if (stopped) return;
    timer = setTimeout(() => {
      running = work().catch(onError).finally(arm);
    }, delayMs());
    timer.unref();
  };
  arm();

  return () => {
    stopped = true;
    clearTimeout(timer);
    return running;
  };
}
