import { readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { projectRoot } from '../../../lib/paths.js';
import { type App, startApp } from '../../helpers/app.js';
import { createBox } from '../../helpers/box.js';
import { call, connect, until } from '../../helpers/client.js';

/** The figures of one scrape: a name with its labels, and the value. */
async function scrape({ base }: App): Promise<Map<string, number>> {
  const response = await fetch(`${base}/metrics`);
  const lines = (await response.text()).split('\n').filter((line) => line && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

t.test('the figures for Prometheus', async (t) => {
  const app = await startApp(t, { IDLE_TIMEOUT_SECONDS: '1', SWEEP_SECONDS: '0.1' });

  await t.test('are in its text format', async (t) => {
    const response = await fetch(`${app.base}/metrics`);
    t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
    t.match(await response.text(), /^# TYPE dockbox_terminals gauge$/m);
  });

  await t.test('tell of the process and its connections to the database', async (t) => {
    const figures = await scrape(app);
    t.ok((figures.get('process_resident_memory_bytes') ?? 0) > 0);
    t.ok(figures.has('nodejs_eventloop_lag_p99_seconds'));
    t.equal(figures.get('dockbox_database_connections{state="waiting"}'), 0);
  });

  await t.test('tell how many boxes there are, and how long each took to make', async (t) => {
    await createBox(t, app);
    const figures = await scrape(app);
    t.equal(figures.get('dockbox_boxes{state="running"}'), 1);
    t.equal(figures.get('dockbox_create_seconds_count{outcome="ready"}'), 1);
    await call(app, 'POST', '/v1/dockbox', { url: 'http://127.0.0.1:1/none.tar.gz' });
    t.equal((await scrape(app)).get('dockbox_create_seconds_count{outcome="failed"}'), 1);
  });

  await t.test('tell of terminals, and how long each took to open', async (t) => {
    const client = await connect(t, app, 'box');
    await client.shows(/[$#]/);
    const figures = await scrape(app);
    t.equal(figures.get('dockbox_terminals'), 1);
    t.equal(figures.get('dockbox_connect_seconds_count{outcome="open"}'), 1);
    client.socket.close();
    await client.closed;
    await until(app, 'box', ({ body }) => body.connections === 0);
  });

  await t.test('tell of sweeps and of boxes that were stopped', async (t) => {
    // The figures of one scrape are not of one moment: boxes are counted in the database, stops by the sweep.
    const isStopped = (figures: Map<string, number>) =>
      figures.get('dockbox_idle_stops_total') && !figures.get('dockbox_boxes{state="running"}');
    let figures = await scrape(app);
    while (!isStopped(figures)) figures = await scrape(app);
    t.equal(figures.get('dockbox_idle_stops_total'), 1);
    t.equal(figures.get('dockbox_boxes{state="running"}'), 0);
    t.ok((figures.get('dockbox_sweep_seconds_count{outcome="done"}') ?? 0) > 0);
  });

  await t.test('name requests by their routes, whatever address was made up', async (t) => {
    await call(app, 'GET', '/v1/dockbox/none-of-this-name');
    await fetch(`${app.base}/nothing/here`);
    const figures = await scrape(app);
    t.equal(
      figures.get('dockbox_http_request_seconds_count{method="GET",route="/v1/dockbox/:id",status="404"}'),
      1,
    );
    const names = [...figures.keys()].join('\n');
    t.notMatch(names, 'none-of-this-name');
    t.notMatch(names, '/nothing/here');
  });

  await t.test("are all that Grafana's dashboard asks for", async (t) => {
    const dashboard = await readFile(path.join(projectRoot, 'deploy', 'grafana-dashboard.json'), 'utf8');
    const asked = dashboard.match(/\b(dockbox|nodejs|process)_[a-z0-9_]+/g) ?? [];
    const names = new Set([...(await scrape(app)).keys()].map((figure) => figure.replace(/\{.*/, '')));
    t.ok(asked.length > 10);
    t.strictSame(
      asked.filter((name) => !names.has(name)),
      [],
    );
  });
});
