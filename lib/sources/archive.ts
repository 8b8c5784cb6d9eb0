import { bodyOf, type SourceClient } from './client.js';
import { SCRIPTS } from './container.js';
import type { Authorize } from './credentials.js';
import type { Opened } from './opened.js';
import type { ArchiveSource } from './parse.js';
import { refuseStatus } from './repository.js';
import { isS3Host, s3Headers } from './s3.js';

type Options = {
  maxBytes: number;
  authorize: Authorize;
  env?: NodeJS.ProcessEnv | undefined;
  onLine: (line: string) => void;
};

/**
 * Begins to download an archive and prepares the job that unpacks it as it comes.
 * @throws {@link errors.SourceUnavailable}, {@link errors.AddressForbidden}
 */
export async function openArchive(
  source: ArchiveSource,
  client: SourceClient,
  { maxBytes, authorize, env = {}, onLine }: Options,
): Promise<Opened> {
  const { response, url } = await client.get(new URL(source.url), (hop) => ({
    'User-Agent': 'dockbox',
    // The body is wanted as it is.
    'Accept-Encoding': 'identity',
    ...authorize(hop),
    // Only S3 itself gets to see what its credentials sign, not those whom it redirects to.
    ...(source.s3Region && isS3Host(hop, env) && s3Headers(hop, source.s3Region, env)),
  }));
  refuseStatus(response, url, authorize);
  onLine(`Downloading ${Number(response.headers['content-length']) || 'an unknown number of'} bytes`);
  return {
    network: 'none',
    script: SCRIPTS.archive,
    variables: { FORMAT: source.format },
    input: bodyOf(response, url, maxBytes),
    directory: source.directory,
  };
}
