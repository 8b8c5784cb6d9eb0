import t from 'tap';
import { checkSource } from '../../../lib/sources/address.js';

const resolveTo =
  (...addresses: string[]) =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

const forbidden = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '0.0.0.0',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '192.0.2.1',
  '198.18.0.1',
  '240.0.0.1',
  '[::1]',
  '[fd12:3456::1]',
  '[fec0::1]',
  '[2001:db8::1]',
  '[::ffff:10.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[2002:7f00:1::]',
  '[64:ff9b::10.0.0.1]',
  '[64:ff9b:1::10.0.0.1]',
  '[2001:0:4136:e378:8000:63bf:80ff:fffe]',
  '[4000::1]',
];
for (const host of forbidden) {
  t.test(`forbids ${host}`, async (t) => {
    await t.rejects(checkSource({ url: `http://${host}/r` }, { allowPrivate: false }), {
      code: 'DBX_ADDRESS_FORBIDDEN',
      statusCode: 403,
    });
  });
}

const never = [
  '169.254.169.254',
  '2852039166',
  '0xa9fea9fe',
  '0251.0376.0251.0376',
  '[::ffff:169.254.169.254]',
  '[::ffff:a9fe:a9fe]',
  '[64:ff9b::a9fe:a9fe]',
  '[2002:a9fe:a9fe::1]',
  '[fe80::1]',
  '[fd00:ec2::254]',
  '100.100.100.200',
  '192.0.0.192',
  '0.0.0.0',
  '[::]',
  '224.0.0.1',
  '255.255.255.255',
  '[ff02::1]',
];
for (const host of never) {
  t.test(`forbids ${host} even where private addresses are allowed`, async (t) => {
    await t.rejects(checkSource({ url: `http://${host}/r` }, { allowPrivate: true }), {
      code: 'DBX_ADDRESS_FORBIDDEN',
      message: /never fetched from/,
    });
  });
}

t.test('says what allows a private address', async (t) => {
  const resolve = resolveTo('10.1.2.3');
  await t.rejects(checkSource({ url: 'https://intra.test/r' }, { allowPrivate: false, resolve }), {
    message: /^intra\.test \(10\.1\.2\.3\) is not a public address: .*ALLOW_PRIVATE_SOURCES=true/,
  });
  t.match(await checkSource({ url: 'https://intra.test/r' }, { allowPrivate: true, resolve }), {
    address: '10.1.2.3',
    family: 4,
    loopback: false,
  });
});

t.test('forbids a name when any of its addresses is forbidden', async (t) => {
  const resolve = resolveTo('93.184.215.14', '169.254.169.254');
  const url = 'https://rebound.test/r';
  await t.rejects(checkSource({ url }, { allowPrivate: false, resolve }), { code: 'DBX_ADDRESS_FORBIDDEN' });
  await t.rejects(checkSource({ url }, { allowPrivate: true, resolve }), { code: 'DBX_ADDRESS_FORBIDDEN' });
});

t.test('allows public addresses, IPv4 first', async (t) => {
  const check = (...addresses: string[]) =>
    checkSource({ url: 'https://public.test/r' }, { allowPrivate: false, resolve: resolveTo(...addresses) });
  t.match(await check('2606:4700::1', '93.184.215.14'), { address: '93.184.215.14', family: 4 });
  t.match(await check('2606:4700::1'), { address: '2606:4700::1', family: 6 });
  t.match(
    await check('64:ff9b::5db8:d70e'),
    { address: '64:ff9b::5db8:d70e', family: 6 },
    'NAT64 of a public one',
  );
});

t.test('tells what is loopback', async (t) => {
  const check = (host: string) => checkSource({ url: `http://${host}/r` }, { allowPrivate: true });
  t.match(await check('127.0.0.1'), { address: '127.0.0.1', loopback: true });
  t.match(await check('[::1]'), { address: '::1', family: 6, loopback: true });
  t.match(await check('[::ffff:127.0.0.1]'), { loopback: true });
});

t.test('a host that is not found', async (t) => {
  const fail = (code: string) => async () => {
    throw Object.assign(new Error(code), { code });
  };
  const check = (resolve: () => Promise<never[]>) =>
    checkSource({ url: 'https://nowhere.test/r' }, { allowPrivate: false, resolve });
  const expected = { code: 'DBX_SOURCE_UNAVAILABLE', statusCode: 422 };
  await t.rejects(check(fail('ENOTFOUND')), { ...expected, message: /host "nowhere.test" was not found/ });
  await t.rejects(check(fail('EAI_AGAIN')), { ...expected, message: /try again later/ });
  await t.rejects(
    check(async () => []),
    { ...expected, message: /was not found/ },
  );
});
