import { mkdir } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { SourceFile } from '../images/languages.js';
import { giveToContainers } from '../remapping.js';
import { ROOT } from '../user.js';
import type { Resolve } from './address.js';
import { openArchive } from './archive.js';
import { SourceClient } from './client.js';
import { type FetchLimits, type Job, runJob } from './container.js';
import { authorizer, type Credentials } from './credentials.js';
import { Deadline } from './deadline.js';
import { failure } from './failures.js';
import { openRepository } from './git.js';
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
};

/** What one kind of source brings to its job. */
export type Opened = Pick<Job, 'network' | 'script' | 'variables' | 'input'> & {
  ref?: string | undefined;
  directory?: string | undefined;
};

/**
 * Fetches a source into a workspace, in a throw-away container that is gone when this returns or throws. What is in the
 * workspace after an error is the caller's to remove.
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
    await giveToContainers(options.docker, options.workspace);
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
  { ref, directory, variables, ...work }: Opened,
  options: FetchOptions & { signal: AbortSignal; onLine: (line: string) => void },
): Promise<Fetched> {
  const { maxBytes, maxFiles = DEFAULT_MAX_FILES, owner = ROOT, timeoutSeconds } = options;
  const complaints = new ProgressLines(options.onLine);
  const records = new Records();
  const status = await runJob({
    ...options,
    ...work,
    variables: {
      ...variables,
      DIRECTORY: directory ?? '',
      OWNER: owner,
      MAX_BYTES: String(maxBytes),
      MAX_FILES: String(maxFiles),
      TIMEOUT_SECONDS: String(Math.ceil(timeoutSeconds)),
    },
    onOutput: (chunk) => records.write(chunk),
    onComplaint: (chunk) => complaints.write(chunk),
  });
  complaints.end();
  if (status !== 0) {
    const facts = { maxBytes, maxFiles, timeoutSeconds, directory, ref };
    throw failure(status, facts, complaints.last);
  }
  const { files, commit, devcontainer, root, truncated } = records;
  return {
    files,
    devcontainer,
    commit,
    ref,
    directory: root || undefined,
    warnings: truncated ? ['The source has more files than are looked at to choose its image.'] : [],
  };
}
