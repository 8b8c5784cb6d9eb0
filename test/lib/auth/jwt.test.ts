import { createHmac } from 'node:crypto';
import { exportSPKI } from 'jose';
import t from 'tap';
import { startApp } from '../../helpers/app.js';
import { call, type Service } from '../../helpers/client.js';
import { bearer, bearerProtocol, callAs, insertBoxOf } from '../../helpers/credentials.js';
import { handshake } from '../../helpers/handshake.js';
import { startIssuer } from '../../helpers/issuer.js';

/** Who a token makes one, or the error's status and code. */
async function whoIs(service: Service, headers: Record<string, string>): Promise<string> {
  const { status, body } = await call(service, 'GET', '/v1/session', undefined, headers);
  return status === 200 ? `${body.owner} ${body.scope}` : `${status} ${body.code}`;
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const seconds = (fromNow: number) => Math.floor(Date.now() / 1000) + fromNow;

t.test('tokens of an issuer', async (t) => {
  const issuer = await startIssuer(t);
  const key = await issuer.addKey();
  const app = await startApp(t, { AUTH: 'jwt', JWT_ISSUER: issuer.url, JWT_AUDIENCE: 'dockbox' });
  const who = (token: string) => whoIs(app, bearer(token));
  const BAD = '401 DBX_BAD_CREDENTIAL';

  await t.test('tell who one is', async (t) => {
    t.equal(await who(await issuer.sign()), 'ana user');
    t.equal(await who(await issuer.sign({ aud: ['other', 'dockbox'], sub: 'bob' })), 'bob user');
    const id = await insertBoxOf(app, 'ana');
    const token = await issuer.sign();
    t.equal((await callAs(app, token, 'GET', `/v1/dockbox/${id}`)).status, 200);
    const bobs = await issuer.sign({ sub: 'bob' });
    t.equal((await callAs(app, bobs, 'GET', `/v1/dockbox/${id}`)).status, 404);
    const protocols = ['binary.k8s.io', bearerProtocol(token)];
    t.equal((await handshake(t, app, `/v1/dockbox/ws/${id}`, { protocols })).status, 101);
  });

  await t.test('tell what one may do', async (t) => {
    t.equal(await who(await issuer.sign({ scope: 'openid dockbox:admin' })), 'ana admin');
    t.equal(await who(await issuer.sign({ scope: 'dockbox:readonly email' })), 'ana readonly');
    t.equal(await who(await issuer.sign({ scope: ['dockbox:readonly'] })), 'ana readonly');
    t.equal(await who(await issuer.sign({ scope: 'dockbox:administrator' })), 'ana user');
  });

  await t.test('of others, for others, or from another time are not good', async (t) => {
    t.equal(await who(await issuer.sign({ iss: 'https://evil.example' })), BAD);
    t.equal(await who(await issuer.sign({ iss: `${issuer.url}/` })), BAD);
    t.equal(await who(await issuer.sign({ aud: 'other' })), BAD);
    t.equal(await who(await issuer.sign({ aud: undefined })), BAD);
    t.equal(await who(await issuer.sign({ exp: seconds(-60) })), '401 DBX_CREDENTIAL_EXPIRED');
    t.equal(await who(await issuer.sign({ exp: undefined })), BAD);
    t.equal(await who(await issuer.sign({ nbf: seconds(60) })), BAD);
    t.equal(await who(await issuer.sign({ sub: undefined })), BAD);
    t.equal(await who(await issuer.sign({ sub: 'a\nb' })), BAD);
  });

  await t.test('that nobody signed, or not with the issuer’s private key, are not good', async (t) => {
    const claims = encode({ iss: issuer.url, aud: 'dockbox', sub: 'ana', exp: seconds(300) });
    t.equal(await who(`${encode({ alg: 'none' })}.${claims}.`), BAD);
    t.equal(await who(`${encode({ alg: 'none', kid: key.id })}.${claims}.AAAA`), BAD);
    // Who takes the algorithm from the token would check this with the public key as a shared secret.
    const input = `${encode({ alg: 'HS256', kid: key.id })}.${claims}`;
    for (const secret of [await exportSPKI(key.publicKey), (await exportSPKI(key.publicKey)).trimEnd()]) {
      t.equal(await who(`${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`), BAD);
    }
    const [header, , signature] = (await issuer.sign()).split('.');
    t.equal(await who(`${header}.${encode({ sub: 'root' })}.${signature}`), BAD);
    const stranger = await startIssuer(t);
    await stranger.addKey();
    t.equal(await who(await stranger.sign({ iss: issuer.url }, { header: { kid: key.id } })), BAD);
    const jwk = { kty: 'oct', k: 'AAAA' };
    t.equal(await who(await stranger.sign({ iss: issuer.url }, { header: { kid: key.id, jwk } })), BAD);
    for (const nonsense of ['a.b.c', 'e30.e30.e30', 'eyJ', '....']) t.equal(await who(nonsense), BAD);
  });

  await t.test('are good when the issuer has changed its keys', async (t) => {
    t.equal(await who(await issuer.sign()), 'ana user');
    await issuer.addKey('ES256');
    issuer.keys.shift();
    const token = await issuer.sign();
    while ((await who(token)) !== 'ana user');
    t.equal(await who(await issuer.sign({}, { key })), BAD, 'and its former key is no longer');
  });

  await t.test('with unknown keys do not have the issuer asked each time', async (t) => {
    const before = issuer.asked;
    const token = await issuer.sign({}, { header: { kid: 'unknown' } });
    for (let count = 0; count < 20; count += 1) t.equal(await who(token), BAD);
    t.ok(issuer.asked - before <= 1);
  });

  await t.test('sign a browser in for as long as they are good', async (t) => {
    const exp = seconds(100);
    const answer = await callAs(app, await issuer.sign({ exp }), 'POST', '/v1/session');
    t.match(answer.body, { auth: 'jwt', owner: 'ana', expiresAt: new Date(exp * 1000).toISOString() });
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    t.equal(await whoIs(app, { cookie }), 'ana user');
  });

  await t.test('make keys, which stay', async (t) => {
    const { body } = await callAs(app, await issuer.sign(), 'POST', '/v1/keys', { name: 'ci' });
    t.equal(await who(body.key), 'ana user');
  });
});

t.test('tokens of an issuer that is away are not told to be bad', async (t) => {
  const issuer = await startIssuer(t);
  await issuer.addKey();
  const app = await startApp(t, { AUTH: 'jwt', JWT_ISSUER: issuer.url, JWT_AUDIENCE: 'dockbox' });
  const token = await issuer.sign();
  const port = Number(new URL(issuer.url).port);
  await issuer.close();
  const answer = await callAs(app, token, 'GET', '/v1/session');
  t.equal(answer.status, 503);
  t.equal(answer.body.code, 'DBX_ISSUER_UNAVAILABLE');
  t.ok(answer.headers.get('retry-after'));

  await issuer.listen(port);
  t.equal(await whoIs(app, bearer(token)), 'ana user', 'once it is back');
  await issuer.close();
  t.equal(await whoIs(app, bearer(token)), 'ana user', 'and while its keys are known');
});

t.test('whom a load balancer has signed in', async (t) => {
  const ARN = 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/ours/50dc6c495c0c9188';
  const issuer = await startIssuer(t);
  const key = await issuer.addKey('ES256');
  const app = await startApp(t, { AUTH: 'jwt', JWT_ALB_ARN: ARN, JWT_ALB_KEYS_URL: `${issuer.url}/alb` });
  const sign = (claims = {}, header = {}) => issuer.sign(claims, { key, header: { signer: ARN, ...header } });
  const who = (token: string, headers = {}) => whoIs(app, { 'x-amzn-oidc-data': token, ...headers });
  const BAD = '401 DBX_BAD_CREDENTIAL';

  await t.test('is known by what it says', async (t) => {
    t.equal(await who(await sign()), 'ana user');
    t.equal(await who(await sign({ scope: 'dockbox:admin' })), 'ana admin');
    const asked = issuer.asked;
    await who(await sign());
    t.equal(issuer.asked, asked, 'its key is kept');
  });

  await t.test('is known by what it says as it writes it, with padding', async (t) => {
    const pad = (text: string) => text.padEnd(Math.ceil(text.length / 4) * 4, '=');
    const header = { alg: 'ES256', kid: key.id, signer: ARN, client: 'id' };
    const claims = { iss: issuer.url, sub: 'ana', exp: seconds(100) };
    const input = [header, claims].map((part) => pad(encode(part))).join('.');
    const signature = await crypto.subtle.sign(
      { name: 'ECDSA', hash: 'SHA-256' },
      key.privateKey,
      Buffer.from(input),
    );
    t.equal(await who(`${input}.${pad(Buffer.from(signature).toString('base64url'))}`), 'ana user');
  });

  await t.test('is nobody when another has signed, or nobody whose key there is', async (t) => {
    const other = ARN.replace('ours', 'theirs');
    t.equal(await who(await sign({}, { signer: other })), BAD);
    t.equal(await who(await sign({}, { signer: undefined })), BAD);
    t.equal(await who(await sign({}, { kid: 'unknown' })), BAD);
    t.equal(await who(await sign({}, { kid: `../alb/${key.id}` })), BAD);
    t.equal(await who(await sign({ exp: seconds(-60) })), '401 DBX_CREDENTIAL_EXPIRED');
    t.equal(
      await who(`${encode({ alg: 'none', kid: key.id, signer: ARN })}.${encode({ sub: 'ana' })}.`),
      BAD,
    );
    const rsa = await issuer.addKey('RS256');
    t.equal(await who(await issuer.sign({}, { key: rsa, header: { signer: ARN } })), BAD);
    t.equal(await who('nonsense'), BAD);
  });

  await t.test(
    'changes things from a page of the service alone, as the load balancer’s cookie is sent unasked',
    async (t) => {
      const headers = { 'x-amzn-oidc-data': await sign() };
      const make = (more: object) =>
        call(app, 'POST', '/v1/keys', { name: 'new' }, { ...headers, ...more }).then(({ status }) => status);
      t.equal(await make({}), 403);
      t.equal(await make({ origin: 'https://evil.example' }), 403);
      t.equal(await make({ origin: app.base }), 201);
    },
  );

  await t.test('is nobody when its keys can not be had', async (t) => {
    const token = await sign({}, { kid: 'not-asked-for-yet' });
    await issuer.close();
    t.equal(await who(token), '503 DBX_ISSUER_UNAVAILABLE');
  });
});
