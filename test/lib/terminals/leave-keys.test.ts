import { readFile } from 'node:fs/promises';
import t from 'tap';
import { LEAVE_KEYS } from '../../../lib/terminals/commands.js';

t.test('the tools and the server name the same keys to leave a held terminal', async (t) => {
  const conf = await readFile('images/base/tools/etc/tmux.conf', 'utf8');
  const [, keys = ''] = /^set -s user-keys\[0\] "(.*)"$/m.exec(conf) ?? [];
  const typed = keys.replaceAll(/\\U([0-9a-f]{8})/g, (_, code: string) =>
    String.fromCodePoint(Number.parseInt(code, 16)),
  );
  t.equal(typed, LEAVE_KEYS);
});
