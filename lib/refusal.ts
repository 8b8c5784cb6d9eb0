/** The engine's own words about why it refused. */
export function reason(error: unknown): string {
  const { json, message } = error as Error & { json?: { message?: string } };
  return json?.message ?? message.replace(/^\(HTTP code \d+\) [\w ]+ - /, '').trim();
}
