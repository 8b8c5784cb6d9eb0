import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import type Docker from 'dockerode';
import { type Entry, tarGz } from './archives.js';
import type { Scope } from './scope.js';

/** Makes an image of these files alone; the end of the test removes it. @returns its name */
export async function makeImage(t: Scope, docker: Docker, entries: Entry[]): Promise<string> {
  const image = `dockbox-test-${randomUUID()}:latest`;
  const archive = Readable.from([gunzipSync(tarGz(entries))]);
  const imported = await docker.importImage(archive, {
    repo: image.split(':')[0],
    tag: 'latest',
  } as object);
  for await (const _ of imported);
  t.teardown(() => docker.getImage(image).remove({ force: true }));
  return image;
}

/** Copies an image from one engine to another. */
export async function copyImage(name: string, from: Docker, to: Docker): Promise<void> {
  const loading = await to.loadImage(await from.getImage(name).get());
  loading.resume();
  await once(loading, 'end');
}
