import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import type { Checked } from './address.js';
import type { SourceClient } from './client.js';
import { SCRIPTS } from './container.js';
import type { Authorize } from './credentials.js';
import type { Opened } from './opened.js';
import type { GitSource } from './parse.js';
import { askRepository } from './repository.js';
import { chooseRevision, refPrefixes } from './revision.js';

/** For the fetch alone, none of it kept: the repository's content and server decide nothing about what Git does. */
const CONFIGURATION: Record<string, string> = {
  // A redirect's target would not be checked. This disables the alternates of the dumb protocol, too.
  'http.followRedirects': 'false',
  'core.hooksPath': '/dev/null',
  'credential.helper': '',
  'submodule.recurse': 'false',
  'fetch.uriProtocols': '',
  'transfer.bundleURI': 'false',
  'maintenance.auto': 'false',
  'advice.detachedHead': 'false',
};

/**
 * Finds a repository and what to check out of it, and prepares the job that does so.
 * @throws {@link errors.SourceUnavailable}, {@link errors.AddressForbidden}
 */
export async function openRepository(
  source: GitSource,
  client: SourceClient,
  authorize: Authorize,
): Promise<Opened> {
  const repository = await askRepository(client, source.url, refPrefixes(source), authorize);
  const { Authorization } = authorize(repository.at.url);
  const revision = chooseRevision(source, repository);
  const sha256 = [...repository.refs.values()].some((id) => id.length === 64);
  return {
    network: repository.at.loopback ? 'host' : 'bridge',
    script: SCRIPTS.git,
    variables: {
      ORIGIN: source.url,
      FETCH_URL: repository.at.url.href,
      KIND: revision.kind,
      NAME: revision.name,
      WANTED: revision.fetch,
      ...gitEnvironment({ ...CONFIGURATION, ...pin(repository.at) }),
      ...(sha256 && { GIT_DEFAULT_HASH: 'sha256' }),
      ...(Authorization && { AUTHORIZED: 'yes' }),
    },
    // A container's environment is told to whoever may ask its engine.
    input: Authorization ? Readable.from([Buffer.from(`Authorization: ${Authorization}\n`)]) : undefined,
    ref: revision.name,
    directory: revision.directory,
  };
}

/** Makes Git connect to the address that was checked, whatever the host's name means by now. */
function pin({ url, address, family }: Checked): Record<string, string> {
  if (isIP(url.hostname.replace(/^\[|\]$/g, ''))) return {};
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return { 'http.curloptResolve': `${url.hostname}:${port}:${family === 6 ? `[${address}]` : address}` };
}

function gitEnvironment(configuration: Record<string, string>): Record<string, string> {
  const entries = Object.entries(configuration);
  return {
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ALLOW_PROTOCOL: 'http:https',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'false',
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}
