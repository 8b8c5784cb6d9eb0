import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import t from 'tap';
import { shellCommand } from '../../../lib/terminals/commands.js';
import { startApp } from '../../helpers/app.js';
import { createBox } from '../../helpers/box.js';
import { openScreen } from '../../helpers/screen.js';

const wish = {
  terminal: 'busy',
  directory: null,
  size: { cols: 80, rows: 24 },
  history: 1000,
  readonly: false,
  notice: '',
};

t.test('what leaves the screen before a client has taken the history is given back, too, once', async (t) => {
  const app = await startApp(t);
  const id = await createBox(t, app);
  const other = await openScreen(t, app, id, { query: { terminal: 'busy' } });
  other.type('count() { for i in $(seq $1 $2); do echo "line $i."; done; }; clear; count 101 200\r');
  await other.shows(/^line 200\.$/m);

  const client = await Client.attach(await app.deployment.container(id));
  t.teardown(() => client.stream.destroy());
  const early = await client.takeUntil('\0');
  // This client is a slow one: it has not said yet that it has the history.
  other.type('count 201 300\r');
  await other.shows(/^line 300\.$/m);
  client.stream.write('\n');
  const late = await client.takeUntil('\0');
  client.stream.write('\n');
  const screen = await client.takeUntil('line 300.');

  t.equal(late[0], '\x01', 'it is told that there is more');
  const numbers = [...(early + late + screen).matchAll(/line (\d+)\./g)].map(([, number]) => Number(number));
  t.same(
    numbers,
    Array.from({ length: 200 }, (_, index) => index + 101),
  );
});

/** A client of a held terminal that does by itself what a server does for it. */
class Client {
  readonly stream: Duplex;
  #taken = '';

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on('data', (chunk: Buffer) => {
      this.#taken += chunk.toString('latin1');
    });
  }

  static async attach(container: Docker.Container): Promise<Client> {
    const exec = await container.exec({
      Cmd: shellCommand(wish, true),
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
    });
    return new Client(await exec.start({ hijack: true, stdin: true, Tty: true }));
  }

  /** What it gets, up to some last text of it. */
  async takeUntil(last: string): Promise<string> {
    for (;;) {
      const end = this.#taken.indexOf(last);
      if (end >= 0) {
        const taken = this.#taken.slice(0, end + last.length);
        this.#taken = this.#taken.slice(end + last.length);
        return taken;
      }
      await new Promise((resolve) => this.stream.once('data', resolve));
    }
  }
}
