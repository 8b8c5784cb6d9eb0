import t from 'tap';
import { connectDocker } from '../../lib/docker.js';
import { forClient } from '../../lib/errors.js';

t.test('what the engine refuses is no fault of ours to a client, and may be tried again', async (t) => {
  const docker = connectDocker({
    DOCKER_SERVER_HOST: process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock',
  });
  const refusal = await docker
    .getContainer('nobody-has-this-name')
    .inspect()
    .catch((error: Error) => error);
  t.match(forClient(refusal), {
    code: 'DBX_ENGINE_FAILED',
    statusCode: 503,
    message: 'The container engine could not do it: No such container: nobody-has-this-name',
  });
});

t.test('what is our own fault is not told', async (t) => {
  t.equal(forClient(new Error('a password, say')), undefined);
});
