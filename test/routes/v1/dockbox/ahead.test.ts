import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { found } from '../../../../lib/docker.js';
import { startApp } from '../../../helpers/app.js';
import { tarGz } from '../../../helpers/archives.js';
import { call } from '../../../helpers/client.js';
import { startHttpServer } from '../../../helpers/http-server.js';

const BASE = process.env.BASE_IMAGE ?? 'dockbox/base';

t.test('a box’s container is started while its files are still on their way', async (t) => {
  const app = await startApp(t);
  const { deployment, docker } = app;

  /** A source whose archive, with what devcontainer.json says in it, ends when the test says so. */
  let image = BASE;
  let finish: ((bytes?: Buffer) => void) | undefined;
  let isGated = false;
  /** Answers a source that says nothing until then. */
  let refuse: (() => void) | undefined;
  let isSilent = false;
  const server = await startHttpServer(t, (_request, response) => {
    if (isSilent) {
      refuse = () => response.writeHead(404).end();
      return;
    }
    const archive = tarGz([{ name: 'box/.devcontainer.json', content: JSON.stringify({ image }) }]);
    if (!isGated) return response.end(archive);
    response.write(archive.subarray(0, 20));
    finish = (rest = archive.subarray(20)) => response.end(rest);
  });
  const post = (body: object = {}) =>
    call(app, 'POST', '/v1/dockbox', { url: `${server.url}/box.tar.gz`, ...body });
  /** Waits for the container of the only box that is being created. @returns its id */
  const started = async () => {
    for (;;) {
      const id = (await deployment.rows())[0];
      const container = await deployment.container(id ?? '').catch(() => undefined);
      const inspected = container && (await found(container.inspect()));
      if (inspected?.State.Running) return inspected;
    }
  };
  const remove = (id: string) => call(app, 'DELETE', `/v1/dockbox/${id}`);

  await t.test('when its user names the image', async (t) => {
    isGated = true;
    const answer = post({ image: BASE });
    const { Id } = await started();
    finish?.();
    const { status, body } = await answer;
    t.equal(status, 201);
    t.match(await (await deployment.container(body.id)).inspect(), { Id, State: { Running: true } });
    await remove(body.id);
  });

  await t.test('when the source has been opened before', async (t) => {
    isGated = false;
    await remove((await post()).body.id);
    isGated = true;
    const answer = post();
    const { Id } = await started();
    finish?.();
    const { status, body } = await answer;
    t.equal(status, 201);
    t.match(await (await deployment.container(body.id)).inspect(), { Id });
    await remove(body.id);
  });

  await t.test('even before the source has answered, to whoever has opened it before', async (t) => {
    isSilent = true;
    const answer = post();
    await started();
    refuse?.();
    t.equal((await answer).status, 422);
    t.same(await deployment.containers(), [], 'it is gone with a source that is no more');
    t.same(await deployment.workspaces(), []);
    isSilent = false;
  });

  await t.test('when it is new, and others have got that image', async (t) => {
    isGated = true;
    const answer = post({ url: `${server.url}/new.tar.gz` });
    const { Id } = await started();
    finish?.();
    const { status, body } = await answer;
    t.equal(status, 201);
    t.match(await (await deployment.container(body.id)).inspect(), { Id });
    await remove(body.id);
  });

  await t.test('and made anew when the source wants another image now', async (t) => {
    const other = `dockbox-test-${randomUUID()}:latest`;
    const empty = Readable.from([gunzipSync(tarGz([{ name: 'etc/' }]))]);
    const [repo, tag] = other.split(':');
    for await (const _ of await docker.importImage(empty, { repo, tag } as object));
    t.teardown(() => docker.getImage(other).remove({ force: true }));
    isGated = true;
    image = other;
    const answer = post();
    const { Id } = await started();
    finish?.();
    const { status, body } = await answer;
    t.match({ status, body }, { status: 201, body: { image: other } });
    const container = await (await deployment.container(body.id)).inspect();
    t.not(container.Id, Id);
    t.match(container, { Image: (await docker.getImage(other).inspect()).Id, State: { Running: true } });
    await remove(body.id);
    image = BASE;
  });

  await t.test('and gone when there is nothing to fetch after all', async (t) => {
    isGated = true;
    const answer = post({ image: BASE });
    await started();
    finish?.(Buffer.from('no archive'));
    t.equal((await answer).status, 422);
    t.same(await deployment.containers(), []);
    t.same(await deployment.workspaces(), []);
  });

  await t.test('and gone when the box is deleted meanwhile', async (t) => {
    isGated = true;
    const answer = post({ image: BASE, name: 'deleted' });
    await started();
    t.equal((await remove('deleted')).status, 204);
    t.equal((await answer).status, 409);
    t.same(await deployment.containers(), []);
  });
});
