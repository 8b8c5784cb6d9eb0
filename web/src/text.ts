/** The most of a text from outside that is shown in a line. */
const MAX_LENGTH = 120;

/** A text from outside, fit for a line: bounded, without control characters and those that turn its direction. */
export function plain(text: string, maxLength = MAX_LENGTH): string {
  const clean = text.slice(0, 4 * maxLength).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '');
  return clean.length > maxLength ? `${clean.slice(0, maxLength - 1)}…` : clean;
}

/** A source's address as people say it. */
export function sourceOf({ url, ref }: { url: string; ref: string | null }): string {
  const address = url.replace(/^https?:\/\//, '').replace(/\.git$/, '');
  // A whole commit's id tells people no more than its beginning.
  const shortRef = ref && /^[0-9a-f]{40}$/.test(ref) ? ref.slice(0, 7) : ref;
  return plain(shortRef ? `${address} @ ${shortRef}` : address);
}

/** A span of time, such as `42 s` or `3 d`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}
