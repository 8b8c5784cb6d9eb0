import { setImmediate } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { call } from './helpers/client.js';
import { bearer, bearerProtocol, callAs } from './helpers/credentials.js';
import { makeDeployment } from './helpers/deployment.js';
import { handshake } from './helpers/handshake.js';
import { startIssuer } from './helpers/issuer.js';
import { launchServer } from './helpers/server.js';

const API = '/v1/dockbox';

/** A server that logs all that it can, and the admin's key of its first start. */
async function startLogged(t: Test, variables: NodeJS.ProcessEnv = {}) {
  const deployment = await makeDeployment(t, { AUTH: 'token', LOG_LEVEL: 'trace', ...variables });
  const lines: string[] = [];
  let onKey = (_key: string) => {};
  const shown = new Promise<string>((resolve) => {
    onKey = resolve;
  });
  const server = await launchServer(deployment.env, (line) => {
    lines.push(line);
    const key = /DOCKBOX_TOKEN=(dbx_\S+)/.exec(line)?.[1];
    if (key) onKey(key);
  });
  t.teardown(() => server.end('SIGTERM'));
  return { base: server.base, shown, lines, deployment };
}

/** The lines of the log, which what is said to a person is not a part of. */
const logOf = (lines: string[]) => lines.filter((line) => line.startsWith('{'));

type Audit = {
  event: string;
  who: { kind: string; owner: string } | null;
  code?: string;
  box?: string;
  from: string;
};
const auditOf = (lines: string[]): Audit[] =>
  logOf(lines)
    .map((line) => JSON.parse(line).audit)
    .filter((event) => event !== undefined);

t.test('the audit log says who did what, to what, from where, and no log says a secret', async (t) => {
  const service = await startLogged(t);
  const { lines, deployment } = service;
  const admin = await service.shown;
  const secrets = [admin];
  const wish = { url: 'https://127.0.0.1:1/a.zip' };

  const { body: ana } = await callAs(service, admin, 'POST', '/v1/keys', { name: 'ana', owner: 'ana' });
  secrets.push(ana.key);
  await callAs(service, ana.key, 'POST', API, wish);
  const id = '11111111-2222-4333-8444-555555555555';
  await deployment.pool.query(
    `insert into dockbox (id, owner, name, url, status) values ($1, 'ana', 'anas', 'https://example.com/a.zip', 'ready')`,
    [id],
  );

  const signIn = await call(service, 'POST', '/v1/session', { key: ana.key });
  const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  secrets.push(cookie.split('=')[1] ?? '');
  await call(service, 'GET', '/v1/session', undefined, { cookie });
  const { body: ticket } = await callAs(service, ana.key, 'POST', `${API}/anas/ticket`);
  const { body: share } = await callAs(service, ana.key, 'POST', `${API}/anas/shares`);
  secrets.push(ticket.ticket, share.ticket);
  const connect = async (query: string, options = {}) => {
    const { status, socket, closed } = await handshake(t, service, `${API}/ws/anas${query}`, options);
    if (status !== 101) return;
    socket.close();
    await closed;
  };
  await connect(`?ticket=${ticket.ticket}`);
  // As it is not written by anybody, but read all the same.
  await connect(`?%74icket=${ticket.ticket.replace('_', '%5F')}`);
  await connect(`?ticket=${share.ticket}`);
  await connect('', { protocols: ['binary.k8s.io', bearerProtocol(ana.key)] });
  await connect('', { headers: bearer(ana.key) });
  await call(service, 'GET', `${API}/anas?ticket=${share.ticket}`);
  await call(service, 'POST', `${API}/anas/stop?ticket=${share.ticket}`);
  for (const path of ['/nothing', `${API}/anas/stop`]) {
    await call(service, 'POST', `${path}?ticket=${share.ticket}`, undefined, bearer('dbx_planted-and-wrong'));
  }
  secrets.push('planted-and-wrong', 'planted-password', 'planted-cookie');
  await call(service, 'GET', API, undefined, { authorization: 'Basic planted-password' });
  await call(service, 'GET', API, undefined, { cookie: 'dockbox_session=planted-cookie' });
  await call(service, 'POST', '/v1/session', { key: 'planted-password' });
  await call(service, 'POST', `/v1/session?ticket=planted-password`, { key: 1 });
  await callAs(service, ana.key, 'DELETE', `${API}/anas/shares/${share.id}`);
  await callAs(service, ana.key, 'POST', `${API}/anas/stop`);
  await callAs(service, ana.key, 'DELETE', `${API}/anas`);
  await call(service, 'DELETE', '/v1/session', undefined, { cookie, origin: service.base });
  await callAs(service, admin, 'DELETE', `/v1/keys/${ana.id}`);

  // What was written comes a moment after what was answered.
  while (!auditOf(lines).some(({ event }) => event === 'revoke-key')) await setImmediate();
  const log = logOf(lines).join('\n');
  t.match(log, /"level":20|"level":30/);
  for (const secret of secrets) {
    t.notOk(log.includes(secret), `${secret.slice(0, 6)}… is not in the log`);
    t.notOk(log.includes(Buffer.from(secret).toString('base64url')), 'nor as a subprotocol');
    t.notOk(log.includes(secret.replace('_', '%5F')), 'nor as an address');
  }

  const audit = auditOf(lines);
  const summary = new Set(audit.map(({ event, who }) => `${event} ${who?.kind ?? '-'} ${who?.owner ?? '-'}`));
  for (const expected of [
    'make-key key local',
    'sign-in key ana',
    'make-ticket key ana',
    'make-share key ana',
    'use-ticket ticket ana',
    'use-share share ana',
    'connect ticket ana',
    'disconnect ticket ana',
    'connect key ana',
    'revoke-share key ana',
    'refused share ana',
    'refused - -',
    'stop key ana',
    'delete key ana',
    'sign-out session ana',
    'revoke-key key local',
  ]) {
    t.ok(summary.has(expected), expected);
  }
  const ofBox = audit.filter(({ event }) => ['connect', 'disconnect', 'stop', 'delete'].includes(event));
  t.ok(ofBox.every(({ box }) => box === id));
  t.ok(audit.every(({ from }) => from === '127.0.0.1'));
});

t.test('a failed creation is audited, too', async (t) => {
  const service = await startLogged(t);
  const admin = await service.shown;
  const { status } = await callAs(service, admin, 'POST', API, { url: 'http://127.0.0.1:1/a.zip' });
  t.equal(status, 422);
  while (!auditOf(service.lines).some(({ event }) => event === 'create')) await setImmediate();
  t.match(
    auditOf(service.lines).find(({ event }) => event === 'create'),
    { who: { owner: 'local' }, code: 'DBX_SOURCE_UNAVAILABLE' },
  );
});

t.test('tokens of an issuer are not in the log', async (t) => {
  const issuer = await startIssuer(t);
  await issuer.addKey();
  const service = await startLogged(t, { AUTH: 'jwt', JWT_ISSUER: issuer.url, JWT_AUDIENCE: 'dockbox' });
  const tokens = [await issuer.sign(), await issuer.sign({ aud: 'other' })];
  for (const token of tokens) await callAs(service, token, 'GET', API);
  await issuer.close();
  for (const token of tokens) await callAs(service, token, 'GET', `/v1/session?ticket=${token}`);
  const log = logOf(service.lines).join('\n');
  for (const token of tokens) t.notOk(log.includes(token.split('.')[2] ?? ''));
  t.match(log, /DBX_BAD_CREDENTIAL/);
});

t.test('what people send is one line of the log, whatever is in it', async (t) => {
  const service = await startLogged(t, { TRUST_PROXY: 'true' });
  const admin = await service.shown;
  const forged = '{"level":30,"audit":{"event":"create"}}';
  const headers = { ...bearer(admin), 'x-forwarded-for': `1.2.3.4", ${forged}`, 'user-agent': forged };
  await call(service, 'DELETE', `/v1/keys/${encodeURIComponent(`a\n${forged}`)}`, undefined, headers);
  await call(service, 'GET', `${API}/${encodeURIComponent(`a\r\n${forged}\u001b[2J`)}`, undefined, headers);
  for (const line of logOf(service.lines)) t.notMatch(JSON.parse(line).audit, { event: 'create' });
  t.notOk(service.lines.some((line) => line.startsWith(forged)));
  t.notOk(service.lines.some((line) => line.includes('\u001b')));
});
