import { stat } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createBox } from './helpers/box.js';
import { call } from './helpers/client.js';
import { startDaemon } from './helpers/daemon.js';
import { makeDeployment } from './helpers/deployment.js';
import { openScreen } from './helpers/screen.js';
import { startServer } from './helpers/server.js';

const FIRST = 300_000;

for (const [whose, user] of [
  ['root', 0],
  ['1000:1000', 1000],
] as const) {
  t.test(`boxes of ${whose} on an engine that remaps users`, async (t) => {
    const daemon = await startDaemon(t, { remapTo: FIRST });
    const variables = { DOCKER_SERVER_HOST: daemon.socket, BOX_USER: whose };
    const deployment = await makeDeployment(t, variables, daemon.socket);
    const server = await startServer(t, deployment);

    const id = await createBox(t, server);
    const workspace = path.join(deployment.mountPoint, id);
    t.match(await stat(path.join(workspace, 'src', 'README')), { uid: FIRST + user, gid: FIRST + user });
    t.match(await deployment.run(id, 'cat', '/proc/self/uid_map'), new RegExp(`^\\s*0\\s+${FIRST}\\s+65536`));

    const screen = await openScreen(t, server, 'box');
    screen.type('clear; cat src/README; echo more >new && echo writ"ten"\r');
    await screen.shows(/^hello\nwritten$/m);
    await screen.leave();
    t.match(await stat(path.join(workspace, 'new')), { uid: FIRST + user });

    t.equal((await call(server, 'DELETE', `/v1/dockbox/${id}`)).status, 204);
  });
}
