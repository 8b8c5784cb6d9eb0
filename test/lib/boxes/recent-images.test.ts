import t from 'tap';
import { RecentImages } from '../../../lib/boxes/recent-images.js';
import { parseSource } from '../../../lib/sources/parse.js';

const source = (name: string, ref?: string) => parseSource({ url: `https://example.com/${name}.git`, ref });

t.test('remembers the image of a source’s last box, and whose it was', async (t) => {
  const images = new RecentImages();
  t.equal(images.of(source('a')), undefined);
  images.note(source('a'), 'node:22', 'ann');
  images.note(source('a'), 'node:24', 'bob');
  t.same(images.of(source('a')), { image: 'node:24', owner: 'bob' });
  t.equal(images.of(source('a', 'next')), undefined, 'another revision may want another image');
});

t.test('forgets the source that was noted longest ago when there are too many', async (t) => {
  const images = new RecentImages();
  for (let number = 0; number < 1000; number++) images.note(source(`${number}`), 'node:22', 'ann');
  images.note(source('0'), 'node:24', 'ann');
  images.note(source('one-more'), 'node:22', 'ann');
  t.equal(images.of(source('0'))?.image, 'node:24');
  t.equal(images.of(source('1')), undefined);
  t.equal(images.of(source('2'))?.image, 'node:22');
});

t.test('knows what a new source will probably get: what most of the last ones got', async (t) => {
  const images = new RecentImages();
  t.equal(images.likely(), undefined, 'nothing is known yet');
  for (let number = 0; number < 20; number++) images.note(source(`old-${number}`), 'golang:1', 'ann');
  for (const [number, image] of ['node:22', 'python:3', 'node:22'].entries()) {
    images.note(source(`${number}`), image, 'ann');
  }
  t.equal(images.likely(), 'golang:1');
  for (let number = 0; number < 20; number++) images.note(source(`new-${number}`), 'node:22', 'ann');
  t.equal(images.likely(), 'node:22');
  for (let number = 0; number < 20; number++)
    images.note(source(`other-${number}`), `image:${number % 5}`, 'ann');
  t.equal(images.likely(), undefined, 'where they differ too much a guess is not worth its while');
});
