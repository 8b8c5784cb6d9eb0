import path from 'node:path';
import t from 'tap';
import { connectDocker } from '../../lib/docker.js';
import { projectRoot } from '../../lib/paths.js';
import { ensureDocker } from '../../setup/docker.js';
import { runProgram } from '../helpers/process.js';

for (const address of ['127.0.0.1:1', '/nowhere/docker.sock']) {
  t.test(`an engine elsewhere that does not answer is named, not installed: ${address}`, async (t) => {
    const docker = connectDocker({ DOCKER_SERVER_HOST: address });
    const message = new RegExp(`DOCKER_SERVER_HOST, ${address} \\(connect (ECONNREFUSED|ENOENT)`);
    await t.rejects(ensureDocker(docker, address), { message });
  });
}

t.test(
  'who may not use the engine, nor install one, is told what to do',
  { skip: process.getuid?.() !== 0 && 'only root can become somebody who may not' },
  async (t) => {
    const address = '/var/run/docker.sock';
    const module = (name: string) => JSON.stringify(path.join(projectRoot, 'build', name));
    // Loaded before it gives up its rights: the project may be where others can't read.
    const script = `
      const { connectDocker } = await import(${module('lib/docker.js')});
      const { ensureDocker } = await import(${module('setup/docker.js')});
      process.setgroups([]);
      process.setgid(65534);
      process.setuid(65534);
      const address = ${JSON.stringify(address)};
      await ensureDocker(connectDocker({ DOCKER_SERVER_HOST: address }), address);`;
    const program = runProgram(t, [process.execPath, '--input-type=module', '-e', script]);
    t.equal(await program.ended, 1);
    t.match(program.output, /No Docker engine answers at \/var\/run\/docker\.sock \(connect EACCES/);
    t.match(program.output, /Install Docker .*"docker info" works as this user.*DOCKER_SERVER_HOST/s);
  },
);
