import { stat } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { startApp } from './helpers/app.js';
import { createBox } from './helpers/box.js';
import { call } from './helpers/client.js';
import { ON_SWARM } from './helpers/daemon.js';
import { startGitServer } from './helpers/git-server.js';
import { makeImage } from './helpers/images.js';
import { openScreen } from './helpers/screen.js';

t.test('boxes of a user who is not root', async (t) => {
  const app = await startApp(t, { BOX_USER: '1234:2345' });

  await t.test('in an image that does not know him', async (t) => {
    const server = await startGitServer(t);
    const repository = await server.createRepository('r.git');
    await repository.commit({ 'src/README': 'hello\n' });
    const { status, body } = await call(app, 'POST', '/v1/dockbox', { url: repository.url, name: 'git' });
    t.equal(status, 201);
    const readme = await stat(path.join(app.deployment.mountPoint, body.id, 'src', 'README'));
    t.match(readme, { uid: 1234, gid: 2345 }, 'the files are his');

    const screen = await openScreen(t, app, 'git');
    await screen.shows(/^box@git:\/workspace\$/m);
    screen.type(
      'clear; id; cd; pwd; touch kept && echo mine; cd -; echo more >>src/README && git status --short\r',
    );
    const shown = await screen.shows(/^ M src\/README$/m);
    t.match(shown, /^uid=1234\(box\) gid=2345/m);
    t.match(shown, /^\/home\/box\nmine$/m);
    await screen.leave();

    await t.test('is nobody more, whatever program he runs', async (t) => {
      const status = await app.deployment.run(body.id, 'cat', '/proc/self/status');
      t.match(status, /^CapEff:\s+0+\r$/m);
      t.match(await app.deployment.run(body.id, 'sh', '-c', 'echo x >/etc/motd'), /Permission denied/);
    });

    await t.test('and has his home after a stop, too', async () => {
      await call(app, 'POST', '/v1/dockbox/git/stop');
      const again = await openScreen(t, app, 'git');
      // On a swarm it is a new one: what is outside of /workspace ends with a stop, see deploy/swarm.md.
      again.type(`clear; ${ON_SWARM ? 'touch ~/kept; ' : ''}ls ~\r`);
      await again.shows(/^kept$/m);
      await again.leave();
    });
  });

  await t.test('in an image with nothing in it', async (t) => {
    const image = await makeImage(t, app.docker, [{ name: 'srv/' }]);
    const id = await createBox(t, app, { name: 'bare', image });
    t.teardown(() => call(app, 'DELETE', `/v1/dockbox/${id}`));
    for (const terminal of ['main', '']) {
      const screen = await openScreen(t, app, 'bare', { query: { terminal } });
      screen.type('read line <src/README; echo "<$line>"; echo >new && echo mine; cd; echo "$PWD"\r');
      await screen.shows(/^<hello>\nmine\n\/home\/box$/m);
      await screen.leave();
    }
  });
});
