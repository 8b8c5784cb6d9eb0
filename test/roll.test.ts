import t from 'tap';
import { failures, report } from '../roll/report.js';
import { roll } from '../roll/run.js';
import { ReplicatedService } from '../roll/service.js';
import { compare } from '../roll/typist.js';
import { makeDeployment } from './helpers/deployment.js';

/** As `npm run roll`, with a proxy that looks more often than an ALB can. */
const OPTIONS = { terminals: 10, boxes: 2, checkSeconds: 0.5, noticeSeconds: 2, drainSeconds: 0.5 };

t.test('two replicas are replaced behind a load balancer under people who type', async (t) => {
  const service = await ReplicatedService.start(t, await makeDeployment(t), OPTIONS);
  const result = await roll(t, service, OPTIONS, (line) => t.comment(line));
  t.comment(report(result, OPTIONS));
  t.same(failures(result), { lostKeystrokes: 0, disordered: 0, lostShells: 0, refused: 0 });
  t.ok(
    result.outcomes.every(({ awayMs }) => awayMs.length > 0),
    'every terminal was moved',
  );
  t.ok(result.visits.connects > 0, 'others came meanwhile');
});

t.test('what is lost is counted', async (t) => {
  t.same(compare('abcabc', 'abcabc'), { lost: 0, disordered: false });
  t.same(compare('abcabc', 'ababc'), { lost: 1, disordered: false });
  t.same(compare('abcabc', ''), { lost: 6, disordered: false });
  t.match(compare('abcabc', 'abcabcabc'), { disordered: true });
  t.match(compare('abcabc', 'acb'), { disordered: false });
  t.match(compare('abc', 'acb'), { disordered: true });
});
