import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import { tarGz } from '../../../helpers/archives.js';
import { type Answer, call, until } from '../../../helpers/client.js';
import { makeDeployment } from '../../../helpers/deployment.js';
import { Gate } from '../../../helpers/gate.js';
import { startGitServer } from '../../../helpers/git-server.js';
import { redirectTo, serve, startHttpServer } from '../../../helpers/http-server.js';
import { launchServer } from '../../../helpers/server.js';

const API = '/v1/dockbox';
const PAIR = { username: 'ada', password: 'p4ss-of-ada' };
const TOKEN = 't0ken-of-ada';
const basic = (name: string, secret: string) =>
  `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
/** In any form that it is sent in. */
const SECRETS = [PAIR.password, TOKEN, basic('ada', PAIR.password).slice(6), basic('oauth2', TOKEN).slice(6)];
const tells = (text: string) => SECRETS.filter((secret) => text.includes(secret));

t.test('a private source', async (t) => {
  const deployment = await makeDeployment(t);
  const log: string[] = [];
  const server = await launchServer({ ...deployment.env, LOG_LEVEL: 'trace' }, (line) => log.push(line));
  t.teardown(async () => {
    for (const id of await deployment.rows()) await call(server, 'DELETE', `${API}/${id}`);
    await server.end('SIGTERM');
  });

  const allowed = new Set([basic('ada', PAIR.password), basic('oauth2', TOKEN), `Bearer ${TOKEN}`]);
  const fetching = new Gate();
  const released = new Gate();
  let held = false;
  const git = await startGitServer(t, {
    intercept({ headers, url = '' }, response) {
      if (!allowed.has(headers.authorization ?? '')) {
        response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
        return true;
      }
      // Git itself, in the fetch's container; what the server asks for says that it is dockbox.
      if (held && url.includes('/info/refs') && !headers['user-agent']?.includes('dockbox')) {
        held = false;
        fetching.open();
        void released.passed.then(() => response.writeHead(503).end());
        return true;
      }
      return false;
    },
  });
  const repository = await git.createRepository('private.git');
  await repository.commit({ 'src/README': 'hello\n' });
  const create = (body: object, headers = {}): Promise<Answer> =>
    call(server, 'POST', API, { url: repository.url, ...body }, headers);

  await t.test('without credentials says that there is a need of them', async (t) => {
    t.match(await create({}), { status: 422, body: { message: /needs authentication.*pass "credentials"/ } });
  });

  await t.test('with wrong ones says that they are', async (t) => {
    for (const credentials of [{ ...PAIR, password: 'guess' }, { token: 'guess' }]) {
      t.match(await create({ credentials }), {
        status: 422,
        body: { message: /refuses the credentials: check them/ },
      });
    }
  });

  await t.test('with half of them, or too many, says what they are', async (t) => {
    for (const credentials of [{}, { username: 'ada' }, { ...PAIR, token: TOKEN }]) {
      t.match(await create({ credentials }), {
        status: 400,
        body: { message: /a "token", or a "username" and a "password"/ },
      });
    }
    for (const token of ['', 'two\nlines', 'x'.repeat(5000)]) {
      t.match(await create({ credentials: { token } }), {
        status: 400,
        body: { message: /one line of text/ },
      });
    }
  });

  for (const [kind, credentials] of [
    ['a name and a password', PAIR],
    ['a token', { token: TOKEN }],
  ] as const) {
    await t.test(`is fetched with ${kind}, which nothing keeps`, async (t) => {
      const { status, body } = await create({ credentials });
      t.equal(status, 201, JSON.stringify(body));
      const found = await promisify(execFile)('grep', [
        '-rlE',
        SECRETS.join('|'),
        path.join(deployment.mountPoint, body.id),
      ]).catch(({ code, stdout }) => ({ code, stdout }));
      t.match(found, { code: 1, stdout: '' }, 'not in the workspace, .git/config included');
      t.equal(await deployment.run(body.id, 'git', 'remote', 'get-url', 'origin'), `${repository.url}\r\n`);
      const container = await (await deployment.container(body.id)).inspect();
      t.same(tells(JSON.stringify(container)), []);
      const { rows } = await deployment.pool.query('select d::text as row from dockbox d');
      t.same(tells(JSON.stringify(rows)), []);
      t.same(tells(JSON.stringify((await call(server, 'GET', `${API}/${body.id}`)).body)), []);
    });
  }

  await t.test('nor does its fetch show them', async (t) => {
    held = true;
    const answer = create({ name: 'held', credentials: PAIR });
    await fetching.passed;
    // Others' fetches may end while they are looked at.
    const names = (await deployment.containers()).filter((name) => name.startsWith('dockbox-fetch-'));
    t.ok(names.length > 0);
    const containers = await deployment.docker.listContainers({ filters: { name: names } });
    t.ok(containers.length > 0, names.join(' '));
    for (const { Id } of containers) {
      const container = deployment.docker.getContainer(Id);
      t.same(tells(JSON.stringify(await container.inspect())), [], 'to whoever inspects its container');
      t.same(tells(JSON.stringify(await container.top({ ps_args: '-eo pid,args' }))), [], 'in command lines');
    }
    const since = Math.floor(Date.now() / 1000) - 60;
    const events = await deployment.docker.getEvents({ since, until: since + 61 });
    let seen = '';
    for await (const event of events) seen += event;
    t.same(tells(seen), [], "in the engine's events");
    released.open();
    t.equal((await answer).status, 422);
  });

  await t.test('is fetched with them when nobody waits, too', async (t) => {
    const { status, body } = await create({ name: 'detached', credentials: PAIR }, { prefer: 'wait=0' });
    t.equal(status, 202);
    await until(server, body.id, ({ body }) => body.status === 'ready');
  });

  await t.test('does not get them sent to where it redirects', async (t) => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await startHttpServer(t, ({ headers }, response) => {
      seen.push(headers.authorization);
      response.writeHead(401).end();
    });
    const redirect = await startHttpServer(
      t,
      redirectTo((place) => `${elsewhere.url}${place}`),
    );
    for (const place of ['r.git', 'a.zip']) {
      const answer = await create({ url: `${redirect.url}/${place}`, credentials: PAIR });
      t.match(answer, { status: 422, body: { message: /needs authentication/ } });
    }
    t.same(seen, [undefined, undefined]);
  });

  await t.test('may be an archive', async (t) => {
    const seen: (string | undefined)[] = [];
    const archive = tarGz([{ name: 'hello/src/README', content: 'hello\n' }]);
    const { url } = await startHttpServer(t, (request, response) => {
      seen.push(request.headers.authorization);
      if (allowed.has(request.headers.authorization ?? ''))
        serve({ '/a.tar.gz': archive })(request, response);
      else response.writeHead(403).end();
    });
    t.equal((await create({ url: `${url}/a.tar.gz`, credentials: PAIR })).status, 201);
    t.equal((await create({ url: `${url}/a.tar.gz`, credentials: { token: TOKEN } })).status, 201);
    t.same(seen, [basic('ada', PAIR.password), `Bearer ${TOKEN}`]);
    const wrong = await create({ url: `${url}/a.tar.gz`, credentials: { token: 'guess' } });
    t.match(wrong, { status: 422, body: { message: /refuses the credentials/ } });
  });

  await t.test('and all of it leaves nothing in the log', async (t) => {
    t.ok(log.some((line) => line.includes('a box is ready')));
    t.same(tells(log.join('\n')), []);
  });
});

t.test('credentials are not sent in the clear', async (t) => {
  const app = await startApp(t, { ALLOW_PRIVATE_SOURCES: 'false' });
  const answer = await call(app, 'POST', API, {
    url: 'http://git.example/r.git',
    credentials: { token: TOKEN },
  });
  t.match(answer, { status: 400, body: { message: /sent over https alone/ } });
});
