import t from 'tap';
import { hasImage } from '../../../../lib/images/pull.js';
import { startApp } from '../../../helpers/app.js';
import { tarGz } from '../../../helpers/archives.js';
import { createBox } from '../../../helpers/box.js';
import { call, connect, until } from '../../../helpers/client.js';
import { eventually } from '../../../helpers/engine-faults.js';
import { Gate } from '../../../helpers/gate.js';
import { serve, startHttpServer } from '../../../helpers/http-server.js';
import { noRegistry, startRegistry } from '../../../helpers/registry.js';

const API = '/v1/dockbox';
const inBackground = { prefer: 'respond-async, wait=0' };

/** A source with a devcontainer.json that names an image. */
const sourceWith = (image: string) =>
  tarGz([
    { name: 'hello/.devcontainer/devcontainer.json', content: `{ "image": "${image}", /* as ever */ }` },
    { name: 'hello/README', content: 'hello\n' },
  ]);

t.test('the image that the request names', { skip: noRegistry }, async (t) => {
  const registry = await startRegistry(t);
  const app = await startApp(t);
  const image = await registry.push('tool');

  await t.test('is pulled, which the terminal shows, and used', async (t) => {
    const gate = new Gate();
    const source = serve({
      '/a.tar.gz': (_request, response) =>
        void gate.passed.then(() => response.end(tarGz([{ name: 'a/README', content: 'hello\n' }]))),
    });
    const server = await startHttpServer(t, source);
    const request = { url: `${server.url}/a.tar.gz`, name: 'shown', image };
    await call(app, 'POST', API, request, inBackground);
    const client = await connect(t, app, 'shown');
    gate.open();
    await client.shows(/Download complete|Pull complete/);
    client.type('cat README /made-for; echo do""ne\r');
    const output = await client.shows(/^done/m);
    t.match(output, `Pulling the image ${image}`);
    t.match(output, /Starting /);
    t.match(output, new RegExp(`^hello\r\n${image}\r`, 'm'));
    t.match((await call(app, 'GET', `${API}/shown`)).body, { image, warnings: [] });
  });

  await t.test('is pulled again for a connection when both it and the container are gone', async (t) => {
    await call(app, 'POST', `${API}/shown/stop`);
    const { id } = (await call(app, 'GET', `${API}/shown`)).body;
    await app.engine.remove(id);
    await registry.forget(image);
    t.notOk(await hasImage(app.docker, image));
    const client = await connect(t, app, 'shown');
    client.type('cat README /made-for\r');
    await client.shows(new RegExp(`^${image}`, 'm'));
  });

  await t.test('means its :latest when it has no tag', async (t) => {
    await registry.push('untagged', 'old');
    const latest = await registry.push('untagged', 'latest');
    const id = await createBox(t, app, { name: 'untagged', image: latest.replace(/:latest$/, '') });
    t.equal((await call(app, 'GET', `${API}/${id}`)).body.image, latest);
    t.notOk(await hasImage(app.docker, latest.replace(/latest$/, 'old')), 'other tags are not pulled');
  });

  await t.test('is an error when it can not be had, and nothing is left', async (t) => {
    const before = await app.deployment.rows();
    const server = await startHttpServer(t, serve({ '/a.tar.gz': tarGz([{ name: 'a/README' }]) }));
    const missing = `${registry.host}/missing:1`;
    const answer = await call(app, 'POST', API, { url: `${server.url}/a.tar.gz`, image: missing });
    t.match(answer, { status: 422, body: { code: 'DBX_IMAGE_UNAVAILABLE' } });
    t.match(answer.body.message, `The image "${missing}" can't be pulled: `);
    t.strictSame(await app.deployment.rows(), before);
    t.strictSame((await app.deployment.workspaces()).sort(), before.sort());
    // Those of earlier fetches go when there is time.
    const boxes = async () => (await app.deployment.boxes()).sort();
    const wanted = before.toSorted();
    await eventually(t, 'no container is left', async () => (await boxes()).join() === wanted.join());
  });
});

t.test('the image that a devcontainer.json names', { skip: noRegistry }, async (t) => {
  const registry = await startRegistry(t);
  const app = await startApp(t);
  const image = await registry.push('devcontainer');
  const missing = `${registry.host}/missing:1`;
  const gate = new Gate();
  const server = await startHttpServer(
    t,
    serve({
      '/there.tar.gz': sourceWith(image),
      '/missing.tar.gz': (_request, response) =>
        void gate.passed.then(() => response.end(sourceWith(missing))),
    }),
  );

  await t.test('is pulled and used', async (t) => {
    const { status, body } = await call(app, 'POST', API, { url: `${server.url}/there.tar.gz` });
    t.match({ status, body }, { status: 201, body: { image, warnings: [] } });
    t.equal(await app.deployment.run(body.id, 'cat', '/made-for'), `${image}\r\n`);
  });

  await t.test('is replaced by the base image when it can not be had, which the terminal says', async (t) => {
    const request = { url: `${server.url}/missing.tar.gz`, name: 'replaced' };
    await call(app, 'POST', API, request, inBackground);
    const client = await connect(t, app, 'replaced');
    gate.open();
    await client.shows(/Warning: .*missing:1.*The base image is used instead/);
    const { body } = await until(app, 'replaced', ({ body }) => body.status === 'ready');
    t.match(body, { image: /dockbox\/base/, warnings: [/missing:1.*The base image is used instead/s] });
  });
});
