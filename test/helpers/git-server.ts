import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Handler, type HttpServer, startHttpServer } from './http-server.js';
import type { Scope } from './scope.js';

const run = promisify(execFile);

const IDENTITY = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
};

type Options = {
  host?: string;
  /** Highest version of the protocol that is spoken: 0 or 2. */
  protocol?: 0 | 2;
  /** Answers in the server's place when it returns true. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
};

/** A Git server: `git http-backend` behind HTTP, with repositories in a directory of its own. */
export type GitServer = HttpServer & {
  createRepository(name: string, ...initOptions: string[]): Promise<GitRepository>;
};

/** Starts a Git server; it ends, and its repositories go, when the test does. */
export async function startGitServer(
  t: Scope,
  { host, protocol = 2, intercept }: Options = {},
): Promise<GitServer> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'dockbox-git-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const answer: Handler = (request, response) => {
    if (!intercept?.(request, response)) backend(root, protocol, request, response);
  };
  const server = await startHttpServer(t, answer, host ? { host } : {});
  return {
    ...server,
    async createRepository(name, ...initOptions) {
      const repository = new GitRepository(path.join(root, name), `${server.url}/${name}`);
      await mkdir(repository.directory);
      await repository.git('init', '--quiet', '--initial-branch=main', ...initOptions);
      return repository;
    },
  };
}

/** A repository on a server, with a work tree to commit from. */
export class GitRepository {
  readonly directory: string;
  readonly url: string;

  constructor(directory: string, url: string) {
    this.directory = directory;
    this.url = url;
  }

  async git(...args: string[]): Promise<string> {
    const { stdout } = await run('git', args, { cwd: this.directory, env: { ...process.env, ...IDENTITY } });
    return stdout.trim();
  }

  /** Writes files and commits them. @returns the commit's id */
  async commit(files: Record<string, string>, message = 'change'): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(this.directory, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    return this.#commit(message);
  }

  /** Commits a symbolic link. */
  async link(name: string, target: string): Promise<string> {
    await symlink(target, path.join(this.directory, name));
    return this.#commit('link');
  }

  /** Makes a branch of files that differ from the present one's, and comes back. @returns its commit's id */
  async branch(name: string, files: Record<string, string>): Promise<string> {
    await this.git('checkout', '--quiet', '-b', name);
    const id = await this.commit(files);
    await this.git('checkout', '--quiet', '-');
    return id;
  }

  async #commit(message: string): Promise<string> {
    await this.git('add', '--all', '--force');
    await this.git('commit', '--quiet', '--allow-empty', '-m', message);
    return this.git('rev-parse', 'HEAD');
  }
}

/** One request to git-http-backend(1), as CGI (RFC 3875). */
function backend(root: string, protocol: 0 | 2, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const { headers } = request;
  const child = spawn('git', ['http-backend'], {
    env: {
      ...process.env,
      ...IDENTITY,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      // The temporary directory may belong to somebody else than who runs the tests.
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: headers['content-type'] ?? '',
      ...(headers['content-length'] && { CONTENT_LENGTH: headers['content-length'] }),
      ...(headers['content-encoding'] && { HTTP_CONTENT_ENCODING: headers['content-encoding'] }),
      ...(protocol === 2 && { GIT_PROTOCOL: String(headers['git-protocol'] ?? '') }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.on('error', () => response.destroy());
  // It ends before it has read all when it refuses; its client may go away, too.
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  response.on('close', () => child.kill());

  let head = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    if (response.headersSent) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const fields = head.toString('latin1', 0, end).split('\r\n');
    const lines = fields.map((line) => line.split(/:\s*/, 2) as [string, string]);
    const status = lines.find(([name]) => name === 'Status')?.[1] ?? '200';
    response.writeHead(
      Number.parseInt(status, 10),
      Object.fromEntries(lines.filter(([name]) => name !== 'Status')),
    );
    response.write(head.subarray(end + 4));
  });
  child.stdout.on('end', () => response.end());
}
