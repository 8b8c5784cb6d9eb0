import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { tarGz, zip } from '../../helpers/archives.js';
import { startFetching } from '../../helpers/fetching.js';
import { startGitServer } from '../../helpers/git-server.js';
import { endless, type Handler, neverAnswer, serve, startHttpServer } from '../../helpers/http-server.js';

const MIB = 1024 ** 2;
const { fetch, containers } = await startFetching(t);
t.afterEach(async () => assert.deepEqual(await containers(), [], 'no container is left'));

const isGit = (userAgent = '') => !userAgent.includes('dockbox');
const noise = randomBytes(3 * MIB).toString('base64');

const tooLarge: [string, string, Handler][] = [
  ['an endless body', '/a.zip', endless(randomBytes(64 * 1024))],
  [
    'a large body',
    '/a.zip',
    (_request, response) => response.writeHead(200, { 'Content-Length': 3 * MIB }).flushHeaders(),
  ],
  ['a gzip bomb', '/a.tgz', serve({ '/a.tgz': tarGz([{ name: 'zeros', content: Buffer.alloc(64 * MIB) }]) })],
  ['a zip bomb', '/a.zip', serve({ '/a.zip': zip([{ name: 'zeros', content: Buffer.alloc(64 * MIB) }]) })],
  [
    'a zip bomb of many',
    '/a.zip',
    serve({
      '/a.zip': zip(
        Array.from({ length: 20 }, (_, n) => ({ name: `${n}`, content: Buffer.alloc(MIB / 4, 'x') })),
      ),
    }),
  ],
];
for (const [what, name, handler] of tooLarge) {
  t.test(what, async (t) => {
    const { url } = await startHttpServer(t, handler);
    await t.rejects(fetch({ url: url + name }, { maxBytes: 2 * MIB }), {
      statusCode: 422,
      message: /(larger than|sends more than) 2097152 bytes/,
    });
  });
}

t.test('a large repository', async (t) => {
  const server = await startGitServer(t);
  const repository = await server.createRepository('large.git');
  await repository.commit({ noise });
  await t.rejects(fetch({ url: repository.url }, { maxBytes: 2 * MIB }), {
    statusCode: 422,
    message: 'The source is larger than 2097152 bytes, the most that this server accepts.',
  });
  await t.rejects(
    fetch({ url: repository.url }, { maxBytes: 5 * MIB }),
    { message: /larger/ },
    'with its files',
  );
});

t.test('many small files', async (t) => {
  const entries = Array.from({ length: 3000 }, (_, n) => ({ name: `d/${n}`, content: '' }));
  const { url } = await startHttpServer(t, serve({ '/a.tgz': tarGz(entries), '/a.zip': zip(entries) }));
  for (const name of ['a.tgz', 'a.zip']) {
    await t.rejects(fetch({ url: `${url}/${name}` }, { maxFiles: 1000 }), {
      statusCode: 422,
      message: 'The source has more than 1000 files, the most that this server accepts.',
    });
  }
});

t.test('gzip of nothing but zeros', async (t) => {
  const { url } = await startHttpServer(t, serve({ '/a.tgz': gzipSync(Buffer.alloc(256 * MIB)) }));
  await t.rejects(fetch({ url: `${url}/a.tgz` }, { maxBytes: 2 * MIB }), { statusCode: 422, message: /./ });
});

t.test('an endless list of refs', async (t) => {
  const line = Buffer.from(`003d${'a'.repeat(40)} refs/heads/main\n`);
  const { url } = await startHttpServer(t, (request, response) => {
    response.setHeader('Content-Type', 'application/x-git-upload-pack-advertisement');
    endless(Buffer.concat(Array(1000).fill(line)))(request, response);
  });
  await t.rejects(fetch({ url: `${url}/r` }), { statusCode: 422, message: /sends more than 16777216 bytes/ });
});

const late = { statusCode: 422, message: /could not be fetched within 1.5 seconds/ };
const half: Handler = (_request, response) =>
  response.write(tarGz([{ name: 'a', content: noise }]).subarray(0, 5000));

t.test('a server that never answers', async (t) => {
  const { url } = await startHttpServer(t, neverAnswer);
  for (const name of ['/r', '/a.zip'])
    await t.rejects(fetch({ url: url + name }, { timeoutSeconds: 1.5 }), late);
});

t.test('a body that never ends', async (t) => {
  const { url } = await startHttpServer(t, half);
  for (const name of ['/a.tgz', '/a.zip'])
    await t.rejects(fetch({ url: url + name }, { timeoutSeconds: 1.5 }), late);
});

t.test('a name that is looked up for ever', async (t) => {
  const resolve = () => new Promise<never>(() => {});
  await t.rejects(fetch({ url: 'https://slow.test/r' }, { resolve, timeoutSeconds: 1.5 }), late);
});

t.test('a Git server that never sends the commit', async (t) => {
  const server = await startGitServer(t, { intercept: ({ headers }) => isGit(headers['user-agent']) });
  const repository = await server.createRepository('slow.git');
  await repository.commit({ a: 'a' });
  await t.rejects(fetch({ url: repository.url }, { timeoutSeconds: 1.5 }), late);
});

t.test('is given up when its caller says so', async (t) => {
  const reason = new Error('enough');
  const controllerFor = (_t: typeof t) => new AbortController();

  t.test('before it begins', async (t) => {
    const { url, requests } = await startHttpServer(t, neverAnswer);
    await t.rejects(fetch({ url: `${url}/r` }, { signal: AbortSignal.abort(reason) }), reason);
    t.same(requests, []);
  });
  t.test('while a server is asked', async (t) => {
    const controller = controllerFor(t);
    const { url } = await startHttpServer(t, () => controller.abort(reason));
    await t.rejects(fetch({ url: `${url}/r` }, { signal: controller.signal }), reason);
  });
  t.test('while an archive comes', async (t) => {
    const controller = controllerFor(t);
    const { url } = await startHttpServer(t, half);
    const onProgress = () => controller.abort(reason);
    await t.rejects(fetch({ url: `${url}/a.tgz` }, { signal: controller.signal, onProgress }), reason);
  });
  t.test('while Git fetches', async (t) => {
    const controller = controllerFor(t);
    const server = await startGitServer(t, {
      intercept({ headers }) {
        if (!isGit(headers['user-agent'])) return false;
        controller.abort(reason);
        return true;
      },
    });
    const repository = await server.createRepository('slow.git');
    await repository.commit({ a: 'a' });
    await t.rejects(fetch({ url: repository.url }, { signal: controller.signal }), reason);
  });
});

const statuses: [number, RegExp][] = [
  [401, /needs authentication, or does not exist: if it is private, pass "credentials"/],
  [403, /needs authentication/],
  [404, /was not found: check the URL/],
  [500, /answers with the status 500/],
];
for (const [status, message] of statuses) {
  t.test(`status ${status}`, async (t) => {
    const { url } = await startHttpServer(t, (_request, response) => response.writeHead(status).end());
    for (const name of ['/r', '/a.zip'])
      await t.rejects(fetch({ url: url + name }), { statusCode: 422, message });
  });
}

t.test('no Git repository', async (t) => {
  const { url } = await startHttpServer(t, (_request, response) => response.end('<html>'));
  await t.rejects(fetch({ url: `${url}/r` }), { statusCode: 422, message: /is not a Git repository/ });
});

t.test('nobody listens', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  await t.rejects(fetch({ url: `http://127.0.0.1:${port}/r` }), {
    statusCode: 422,
    message: /refuses connections/,
  });
});

t.test('no HTTP', async (t) => {
  const server = net
    .createServer((socket) => socket.on('error', () => {}).end('220 mail\r\n'))
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  await t.rejects(fetch({ url: `http://127.0.0.1:${port}/r` }), {
    statusCode: 422,
    message: /does not speak HTTP/,
  });
  await t.rejects(fetch({ url: `https://127.0.0.1:${port}/r` }), {
    statusCode: 422,
    message: /does not speak TLS/,
  });
});

t.test('a connection that is cut', async (t) => {
  const { url } = await startHttpServer(t, (_request, response) => {
    response.writeHead(200, { 'Content-Length': 1000 });
    response.write('x', () => response.destroy());
  });
  await t.rejects(fetch({ url: `${url}/a.zip` }), { statusCode: 422, message: /closed the connection/ });
});

t.test('a certificate that nobody vouches for', async (t) => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'dockbox-tls-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const [key, cert] = [path.join(directory, 'key.pem'), path.join(directory, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=localhost',
    ].concat(['-keyout', key, '-out', cert]),
    { stdio: 'ignore' },
  );
  const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  const { url } = await startHttpServer(t, neverAnswer, { tls });
  await t.rejects(fetch({ url: `${url}/r` }), {
    statusCode: 422,
    message: /TLS certificate of .* can't be trusted/,
  });
});
