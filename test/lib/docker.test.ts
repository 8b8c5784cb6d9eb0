import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import t, { type Test } from 'tap';
import { ask, connectDocker } from '../../lib/docker.js';
import { startApp } from '../helpers/app.js';
import { createBox } from '../helpers/box.js';
import { type Authority, makeAuthority } from '../helpers/certificates.js';
import { call, connect } from '../helpers/client.js';
import { startEngineAddress } from '../helpers/engine-address.js';

const SOCKET = (process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock').replace(/^unix:\/\//, '');

/** A directory as DOCKER_CERT_PATH names it: who the client trusts, and what it shows. */
async function certPath(t: Test, trusted: Authority, shown: Authority): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'dockbox-certificates-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const { cert, key } = await shown.issue('client', 'DNS:dockbox');
  await copyFile(trusted.file, path.join(directory, 'ca.pem'));
  await copyFile(cert, path.join(directory, 'cert.pem'));
  await copyFile(key, path.join(directory, 'key.pem'));
  return directory;
}

t.test('an engine is reached by', async (t) => {
  const relay = await startEngineAddress(t);
  for (const address of [SOCKET, `unix://${SOCKET}`, relay, `tcp://${relay}`, `http://${relay}`]) {
    await t.test(address.replace(/\d+$/, 'PORT'), async (t) => {
      const docker = connectDocker({ DOCKER_SERVER_HOST: address });
      t.equal(String(await docker.ping()), 'OK');
    });
  }
});

t.test('an engine behind mutual TLS', async (t) => {
  const authority = await makeAuthority(t);
  const relay = await startEngineAddress(t, authority);
  const DOCKER_CERT_PATH = await certPath(t, authority, authority);

  for (const address of [relay, `tcp://${relay}`, `https://${relay}`]) {
    await t.test(`is reached by ${address.replace(/\d+$/, 'PORT')}`, async (t) => {
      const docker = connectDocker({ DOCKER_SERVER_HOST: address, DOCKER_CERT_PATH });
      t.equal(String(await docker.ping()), 'OK');
    });
  }

  await t.test('runs boxes and their terminals', async (t) => {
    const app = await startApp(t, { DOCKER_SERVER_HOST: `https://${relay}`, DOCKER_CERT_PATH });
    await createBox(t, app);
    const client = await connect(t, app, 'box');
    client.type('cat src/README; echo do""ne\r');
    const output = await client.shows(/^done/m);
    t.match(output, /^hello/m);
    client.type('exit\r');
    t.match(await client.closed, { code: 1000 });
  });

  await t.test('that refuses our certificate is an engine that does not answer', async (t) => {
    const stranger = await makeAuthority(t);
    const app = await startApp(t, {
      DOCKER_SERVER_HOST: relay,
      DOCKER_CERT_PATH: await certPath(t, authority, stranger),
    });
    const { status, body } = await call(app, 'POST', '/v1/dockbox', { url: 'https://example.com/a.git' });
    t.match({ status, body }, { status: 503, body: { code: 'DBX_ENGINE_UNAVAILABLE' } });
    t.match(await call(app, 'GET', '/health/ready'), { status: 503, body: { engine: 'unavailable' } });
  });

  await t.test('whose certificate we do not trust is not spoken to', async (t) => {
    const stranger = await makeAuthority(t);
    const docker = connectDocker({
      DOCKER_SERVER_HOST: relay,
      DOCKER_CERT_PATH: await certPath(t, stranger, authority),
    });
    // Clients are not told where the engine is, nor how it is reached; the log is.
    await t.rejects(ask(docker.ping()), {
      code: 'DBX_ENGINE_UNAVAILABLE',
      cause: { message: /certificate/ },
    });
  });
});

t.test('what is not an address of an engine is refused', (t) => {
  for (const address of ['ssh://host', 'tcp://', 'https://', 'host:port', 'a b', 'tcp://tcp://h']) {
    t.throws(() => connectDocker({ DOCKER_SERVER_HOST: address }), {
      message: `DOCKER_SERVER_HOST "${address}" is not an address: give a unix path, host:port, or a tcp://`,
    });
  }
  t.end();
});

t.test('an address without a port means the port that Docker has for it', (t) => {
  const port = (address: string) => connectDocker({ DOCKER_SERVER_HOST: address }).modem as { port?: number };
  t.match(port('docker.example'), { host: 'docker.example', port: 2375, protocol: 'http' });
  t.match(port('https://docker.example'), { host: 'docker.example', port: 2376, protocol: 'https' });
  t.match(port('http://docker.example:80'), { host: 'docker.example', port: 80, protocol: 'http' });
  t.match(port('tcp://[::1]:2375'), { host: '::1', port: 2375 });
  t.end();
});
