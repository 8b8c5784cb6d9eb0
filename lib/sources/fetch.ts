import { mkdir } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { SourceFile } from '../images/languages.js';
import { ROOT } from '../user.js';
import type { Resolve } from './address.js';
import { openArchive } from './archive.js';
import { SourceClient } from './client.js';
import { FetchContainer, type FetchLimits, type Job, removedMeanwhile } from './container.js';
import { authorizer, type Credentials } from './credentials.js';
import { Deadline, whenAborted } from './deadline.js';
import { failure } from './failures.js';
import { openRepository } from './git.js';
import type { Opened } from './opened.js';
import type { Source } from './parse.js';
import { ProgressLines } from './progress-lines.js';
import { Records } from './records.js';

const DEFAULT_MAX_FILES = 200_000;

export type FetchOptions = FetchLimits & {
  docker: Docker;
  /** An image with bash, git, tar, gzip, unzip and the usual tools. */
  image: string;
  /** Of the throw-away container. */
  name: string;
  labels: Record<string, string>;
  /** Absolute directory, the same here and on the engine's host; made if need be. */
  workspace: string;
  /** Most files, directories and links in the workspace, with Git's own; 200,000 unless given. */
  maxFiles?: number | undefined;
  /** Whose the files are to be, as a user's and a group's id; root's unless given. */
  owner?: string | undefined;
  /** A container for this workspace that was started ahead; it is used where it suits the source, and removed where not. */
  prepared?: FetchContainer | undefined;
  allowPrivate: boolean;
  /** For this fetch alone: they are kept nowhere, and sent to the source's own host alone. */
  credentials?: Credentials | undefined;
  /** AWS's variables, for sources in S3. */
  env?: NodeJS.ProcessEnv | undefined;
  resolve?: Resolve | undefined;
  /** Gives the fetch up; its reason is thrown. */
  signal?: AbortSignal | undefined;
  /** Called when the source has answered and the workspace is there, just before its container is made. */
  onFound?: (() => void) | undefined;
  /** Gets lines of progress, without their ends, safe to show in a terminal. */
  onProgress?: ((line: string) => void) | undefined;
};

export type Fetched = {
  /** Regular files below `directory`, or all of them without one; not Git's own. */
  files: SourceFile[];
  /** The text of the source's devcontainer.json, that of `directory` before the root's. */
  devcontainer?: string | undefined;
  /** Of a repository: the commit that is checked out. */
  commit?: string | undefined;
  /** Of a repository: the branch's or tag's name, or the commit's id. */
  ref?: string | undefined;
  /** Where terminals start, below the workspace. A web page's address may name another than it seemed. */
  directory?: string | undefined;
  warnings: string[];
  /** Removes the container, which has nothing more to do and ends by itself after a while. */
  remove: () => Promise<void>;
};

/**
 * Fetches a source into a workspace, in a throw-away container, which is gone when this throws, and the caller's to remove
 * when it returns. So is, after an error, what is in the workspace, and a prepared container.
 *
 * A repository's container is on the engine's default bridge, and on its host's network only for a source that
 * is itself at a loopback address (which ALLOW_PRIVATE_SOURCES must allow). An archive's has no network: the server
 * feeds it.
 * @throws {@link errors.SourceUnavailable} with the cause in the user's terms; {@link errors.AddressForbidden};
 *   {@link errors.EngineUnavailable}
 */
export async function fetchSource(source: Source, options: FetchOptions): Promise<Fetched> {
  const deadline = new Deadline(options.timeoutSeconds, options.signal);
  const { signal } = deadline;
  const client = new SourceClient(options, signal);
  const authorize = authorizer(source, options.credentials);
  const onLine = options.onProgress ?? (() => {});
  try {
    const opened =
      source.kind === 'git'
        ? await openRepository(source, client, authorize)
        : await openArchive(source, client, { ...options, authorize, onLine });
    await mkdir(options.workspace, { recursive: true, mode: 0o755 });
    options.onFound?.();
    return await run(opened, { ...options, signal, onLine });
  } catch (error) {
    // Whatever failed when the time was over failed because of it.
    throw signal.aborted ? signal.reason : error;
  } finally {
    deadline.clear();
    client.close();
  }
}

async function run(
  { ref, directory, variables, input, ...kind }: Opened,
  options: FetchOptions & { signal: AbortSignal; onLine: (line: string) => void },
): Promise<Fetched> {
  const { maxBytes, maxFiles = DEFAULT_MAX_FILES, owner = ROOT, timeoutSeconds } = options;
  const complaints = new ProgressLines(options.onLine);
  const records = new Records();
  const job: Job = {
    variables: {
      ...variables,
      DIRECTORY: directory ?? '',
      OWNER: owner,
      MAX_BYTES: String(maxBytes),
      MAX_FILES: String(maxFiles),
      TIMEOUT_SECONDS: String(Math.ceil(timeoutSeconds)),
    },
    input,
    onOutput(chunk) {
      records.write(chunk);
      return records.ended;
    },
    onComplaint: (chunk) => complaints.write(chunk),
  };
  const container = await obtainContainer(kind, options);
  let status: number;
  try {
    status = await whenAborted(options.signal, container.run(job));
  } catch (error) {
    await container.remove();
    throw error;
  }
  complaints.end();
  if (status !== 0) {
    await container.remove();
    const facts = { maxBytes, maxFiles, timeoutSeconds, directory, ref };
    throw failure(status, facts, complaints.last);
  }
  const { files, commit, devcontainer, root, truncated } = records;
  return {
    remove: () => container.remove(),
    files,
    devcontainer,
    commit,
    ref,
    directory: root || undefined,
    warnings: truncated ? ['The source has more files than are looked at to choose its image.'] : [],
  };
}

/** A container that waits for its job: the one that was prepared, when it is of the right kind and still there. */
async function obtainContainer(
  kind: Pick<Opened, 'network' | 'script'>,
  { prepared, ...options }: FetchOptions,
): Promise<FetchContainer> {
  if (prepared?.suits(kind) && (await prepared.open())) return prepared;
  // Its name is wanted.
  await prepared?.remove();
  const container = await FetchContainer.start({ ...options, ...kind });
  try {
    if (await container.open()) return container;
  } catch (error) {
    await container.remove();
    throw error;
  }
  await container.remove();
  throw removedMeanwhile();
}
