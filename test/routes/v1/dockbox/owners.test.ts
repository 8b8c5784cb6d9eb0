import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import { callAs, insertBoxOf, makeKey } from '../../../helpers/credentials.js';

const API = '/v1/dockbox';

t.test('boxes have owners', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key: ana } = await makeKey(app, { owner: 'ana' });
  const { key: bob } = await makeKey(app, { owner: 'bob' });
  const { key: admin } = await makeKey(app, { owner: 'root', scope: 'admin' });
  const anas = await insertBoxOf(app, 'ana', 'anas');
  const bobs = await insertBoxOf(app, 'bob', 'bobs');
  const idsOf = async (key: string, query = '') => {
    const { body } = await callAs(app, key, 'GET', API + query);
    return body.items.map(({ id }: { id: string }) => id);
  };

  await t.test('a list has their own only, and an admin’s all', async (t) => {
    t.strictSame(await idsOf(ana), [anas]);
    t.strictSame(await idsOf(bob), [bobs]);
    t.strictSame(await idsOf(admin), [bobs, anas]);
  });

  await t.test('the cursor of another’s list leads to nothing of theirs', async (t) => {
    const { body } = await callAs(app, admin, 'GET', `${API}?limit=1`);
    t.strictSame(await idsOf(bob, `?cursor=${body.nextCursor}`), []);
    t.strictSame(await idsOf(ana, `?cursor=${body.nextCursor}`), [anas]);
  });

  await t.test('another’s box is answered as none is, by its id and its name', async (t) => {
    const none = await callAs(app, bob, 'GET', `${API}/nobodys`);
    for (const address of [anas, 'anas']) {
      const answer = await callAs(app, bob, 'GET', `${API}/${address}`);
      t.strictSame(
        { ...answer.body, message: answer.body.message.replace(address, '') },
        { ...none.body, message: none.body.message.replace('nobodys', '') },
      );
      t.equal((await callAs(app, ana, 'GET', `${API}/${address}`)).body.owner, 'ana');
      t.equal((await callAs(app, admin, 'GET', `${API}/${address}`)).body.owner, 'ana');
    }
  });

  await t.test('a taken name does not tell whose it is', async (t) => {
    const wish = { url: 'https://1.1.1.1/a.zip', name: 'anas' };
    const answers = await Promise.all([ana, bob].map((key) => callAs(app, key, 'POST', API, wish)));
    t.equal(answers[0]?.status, 409);
    t.strictSame(answers[0]?.body, answers[1]?.body);
    t.notMatch(answers[1]?.body.message, /ana\b/);
  });
});
