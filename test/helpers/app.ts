import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import type { Test } from 'tap';
import { buildApp } from '../../app.js';

/** A service of the test's own, listening, with a database of its own; the test's end removes all that it made. */
export async function startApp(
  t: Test,
  variables: NodeJS.ProcessEnv = {},
): Promise<FastifyInstance & { base: string }> {
  const database = `test_${randomUUID().replaceAll('-', '')}`;
  const mountPoint = path.join(process.env.MOUNT_POINT ?? '', database);
  const admin = async (sql: string) => {
    const client = new pg.Client({
      host: process.env.DATABASE_HOST,
      port: Number(process.env.DATABASE_PORT),
      user: process.env.DATABASE_USER,
      password: process.env.DATABASE_PASSWORD,
      database: process.env.DATABASE_NAME,
    });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await admin(`create database ${database}`);
  const env = {
    ...process.env,
    ALLOW_PRIVATE_SOURCES: 'true',
    DATABASE_NAME: database,
    MOUNT_POINT: mountPoint,
    ...variables,
  };
  const app = await buildApp(env);
  t.teardown(async () => {
    const { rows } = await app.pg.pool.query<{ id: string }>('select id from dockbox');
    for (const { id } of rows) await app.boxes.delete(id);
    await app.close();
    await admin(`drop database ${database}`);
    await rm(mountPoint, { recursive: true, force: true });
  });
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  return Object.assign(app, { base });
}
