import type { IncomingMessage } from 'node:http';
import { errors } from '../errors.js';
import type { Checked } from './address.js';
import { readBody, type SourceClient } from './client.js';
import type { Authorize } from './credentials.js';
import { decodePackets, encodePackets, type PacketLine } from './pkt-line.js';

/** A list of branches and tags longer than this is refused. A line takes some 70 bytes. */
const MAX_LIST_BYTES = 16 * 1024 ** 2;

const SERVICE = 'git-upload-pack';
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

// Some hosts show a web page to whoever is not Git.
const HEADERS = { 'User-Agent': 'git/2 (dockbox)', 'Git-Protocol': 'version=2', Pragma: 'no-cache' };

/** A repository as its server describes it. */
export type Repository = {
  /** Where it really is, after redirects, and the address that was checked. */
  at: Checked;
  /** Ids of commits and tags by their full names, such as `refs/heads/main`, and of `HEAD`. */
  refs: Map<string, string>;
  /** Full name of the branch that `HEAD` is; undefined when it is none. */
  head?: string | undefined;
};

/**
 * Asks a repository's server for its refs, in Git's smart HTTP protocol, version 2 or, when the server knows no better, 0
 * (https://git-scm.com/docs/http-protocol, https://git-scm.com/docs/protocol-v2).
 * @param prefixes full names to ask for, or their beginnings; a server of version 0 tells all
 * @throws {@link errors.SourceUnavailable}, {@link errors.AddressForbidden}
 */
export async function askRepository(
  client: SourceClient,
  url: string,
  prefixes: string[],
  authorize: Authorize,
): Promise<Repository> {
  const advertised = new URL(`${url}/info/refs?service=${SERVICE}`);
  const { response, ...found } = await client.get(advertised, (hop) => ({ ...HEADERS, ...authorize(hop) }));
  refuseStatus(response, found.url, authorize);
  const suffix = `/info/refs${advertised.search}`;
  if (
    response.headers['content-type'] !== `application/x-${SERVICE}-advertisement` ||
    !found.url.href.endsWith(suffix)
  ) {
    throw new errors.SourceUnavailable(
      `${url} is not a Git repository. An archive's name ends in .tar.gz, .tgz or .zip.`,
    );
  }
  const at = { ...found, url: new URL(found.url.href.slice(0, -suffix.length)) };

  const lines = await readPackets(response, at.url);
  const refs = lines.includes('version 2')
    ? await listRefs(client, at.url, lines, { prefixes, authorize })
    : advertisedRefs(lines);
  return { at, ...refs };
}

async function listRefs(
  client: SourceClient,
  url: URL,
  capabilities: PacketLine[],
  { prefixes, authorize }: { prefixes: string[]; authorize: Authorize },
) {
  const format = capabilities.find((line) => line?.startsWith('object-format='));
  const request = ['command=ls-refs', ...(format ? [format] : []), null, 'symrefs'];
  const { response } = await client.request(new URL(`${url.href}/${SERVICE}`), {
    method: 'POST',
    headers: {
      ...HEADERS,
      ...authorize(url),
      'Content-Type': `application/x-${SERVICE}-request`,
      Accept: `application/x-${SERVICE}-result`,
    },
    body: encodePackets([...request, ...['HEAD', ...prefixes].map((prefix) => `ref-prefix ${prefix}`)]),
  });
  refuseStatus(response, url, authorize);
  const lines = await readPackets(response, url);
  const entries = lines.flatMap((line) => {
    const [id, name, ...attributes] = line?.split(' ') ?? [];
    return id && name && OBJECT_ID.test(id) ? [{ id, name, attributes }] : [];
  });
  const head = entries.find(({ name }) => name === 'HEAD')?.attributes;
  return {
    refs: new Map(entries.map(({ id, name }) => [name, id])),
    head: head?.find((attribute) => attribute.startsWith('symref-target:'))?.slice('symref-target:'.length),
  };
}

/** Version 0: `<id> <name>` each, the first with capabilities after a NUL. */
function advertisedRefs(lines: PacketLine[]) {
  const refs = new Map<string, string>();
  let head: string | undefined;
  for (const line of lines) {
    const [ref = '', capabilities] = line?.split('\0') ?? [];
    const [id = '', name = ''] = ref.split(' ');
    if (OBJECT_ID.test(id) && name) refs.set(name, id);
    head ??= capabilities && / symref=HEAD:(\S+)/.exec(` ${capabilities}`)?.[1];
  }
  return { refs, head };
}

async function readPackets(response: IncomingMessage, url: URL): Promise<PacketLine[]> {
  const body = await readBody(response, url, MAX_LIST_BYTES);
  try {
    return decodePackets(body);
  } catch {
    throw new errors.SourceUnavailable(`${url.host} does not answer as a Git server does.`);
  }
}

/** @throws {@link errors.SourceUnavailable} for any status but 200 */
export function refuseStatus({ statusCode }: IncomingMessage, url: URL, authorize: Authorize): void {
  if (statusCode === 200) return;
  const { host, pathname } = url;
  const what = `${host}${pathname.replace(/\/info\/refs$/, '')}`;
  const isAuthorized = authorize(url).Authorization !== undefined;
  if (statusCode === 401 || statusCode === 403) {
    throw new errors.SourceUnavailable(
      isAuthorized
        ? `${what} refuses the credentials: check them, and that they may read it.`
        : `${what} needs authentication, or does not exist: if it is private, pass "credentials".`,
    );
  }
  if (statusCode === 404 || statusCode === 410) {
    const why = isAuthorized
      ? 'check the URL, and that the credentials may read it'
      : 'check the URL; if it is private, pass "credentials"';
    throw new errors.SourceUnavailable(`${what} was not found: ${why}.`);
  }
  throw new errors.SourceUnavailable(`${host} answers with the status ${statusCode}: try again later.`);
}
