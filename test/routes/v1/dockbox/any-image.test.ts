import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import type { Entry } from '../../../helpers/archives.js';
import { createBox } from '../../../helpers/box.js';
import { call } from '../../../helpers/client.js';
import { makeImage } from '../../../helpers/images.js';
import { openScreen } from '../../../helpers/screen.js';

const app = await startApp(t);

/** The base image's tools have a busybox that needs nothing else. */
async function busybox(): Promise<Buffer> {
  const container = await app.docker.createContainer({ Image: process.env.BASE_IMAGE ?? 'dockbox/base' });
  t.teardown(() => container.remove());
  const chunks: Buffer[] = [];
  for await (const chunk of await container.getArchive({ path: '/opt/dockbox/bin/busybox' })) {
    chunks.push(chunk as Buffer);
  }
  const archive = Buffer.concat(chunks);
  // A tar's first member begins after a header of 512 bytes, which has its size in octal.
  const size = Number.parseInt(archive.toString('latin1', 124, 136), 8);
  return archive.subarray(512, 512 + size);
}

const cases: [what: string, shell: string, entries: () => Promise<Entry[]>][] = [
  ['an image with nothing in it', '/opt/dockbox/bin/busybox', async () => [{ name: 'etc/' }]],
  [
    'an image with busybox alone',
    '/bin/busybox',
    async () => [
      { name: 'bin/busybox', content: await busybox(), mode: 0o755 },
      { name: 'bin/sh', link: 'busybox' },
      { name: 'bin/cat', link: 'busybox' },
    ],
  ],
];
for (const [what, shell, entries] of cases) {
  t.test(what, async (t) => {
    const name = `box-${randomUUID().slice(0, 8)}`;
    const image = await makeImage(t, app.docker, await entries());
    await createBox(t, app, { name, image });
    // Before its image, which can't go while a container has it.
    t.teardown(() => call(app, 'DELETE', `/v1/dockbox/${name}`));

    await t.test('has terminals that are held', async () => {
      const before = await openScreen(t, app, name);
      await before.shows(/^\/workspace # $|^\/workspace #$/m);
      before.type('read line <src/README; echo "<$line>"; kept=yes\r');
      await before.shows(/^<hello>$/m);
      await before.leave();
      const after = await openScreen(t, app, name);
      await after.shows(/^<hello>$/m);
      after.type('echo "kept: $kept"\r');
      await after.shows(/^kept: yes$/m);
      await after.leave();
    });

    await t.test("has a shell of its own in them, or else the tools'", async () => {
      const screen = await openScreen(t, app, name, { query: { terminal: 'own' } });
      await screen.shows(/#/);
      screen.type('read -r _ _ _ _ _ program </proc/$$/maps; echo "<$program>"\r');
      await screen.shows(new RegExp(`^<${shell}>$`, 'm'));
      await screen.leave();
    });

    await t.test('and shells that end with their connection', async (t) => {
      const screen = await openScreen(t, app, name, { query: { terminal: '' } });
      screen.type('read line <src/README; echo "<$line>"\r');
      await screen.shows(/^<hello>$/m);
      screen.type('exit\r');
      t.match(await screen.closed, { code: 1000 });
    });
  });
}
