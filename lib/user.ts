import type Docker from 'dockerode';
import type { Config } from './config.js';
import { ask } from './docker.js';
import type { Place } from './engines/engine.js';
import { runInBox } from './terminals/run.js';
import { TOOLS_PATH } from './tools.js';

/** Root, as a user's and a group's id. */
export const ROOT = '0:0';

/** BOX_USER as a user's and a group's id. */
export const userOf = ({ BOX_USER: user }: Pick<Config, 'BOX_USER'>) => (user === 'root' ? ROOT : user);

const HOME = 'home/box';

/** The size of a tar's blocks, in bytes. */
const BLOCK = 512;

/** Gives a user a directory of his own in a container: without one he could write nowhere but in the workspace. */
export async function makeHome(container: Docker.Container, user: string): Promise<void> {
  await ask(container.putArchive(directoryArchive(HOME, user), { path: '/' }));
}

/** Gives a user a name, for prompts and programs, where the image has none for him. */
export async function nameUser(place: Place, user: string, tools: boolean): Promise<void> {
  const script = `
    touch /etc/passwd || exit
    while IFS=: read -r _ _ uid _; do [ "$uid" = "$1" ] && exit; done </etc/passwd
    echo "box:x:$1:$2::/${HOME}:/bin/sh" >>/etc/passwd`;
  const shell = tools ? [`${TOOLS_PATH}/bin/busybox`, 'sh'] : ['sh'];
  await runInBox(place, [...shell, '-c', script, 'user', ...user.split(':')], ROOT);
}

/** A tar of one directory, for its owner alone: one header (POSIX.1-2017, pax, "ustar Interchange Format"), two empty blocks. */
function directoryArchive(path: string, user: string): Buffer {
  const [uid = 0, gid = 0] = user.split(':').map(Number);
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;
  const numbers = [octal(0o700, 8), octal(uid, 8), octal(gid, 8), octal(0, 12), octal(0, 12)].join('');
  const header = (checksum: string) =>
    [`${path}/`.padEnd(100, '\0'), numbers, `${checksum}5`.padEnd(109, '\0'), 'ustar\x0000'].join('');
  const archive = Buffer.alloc(3 * BLOCK);
  archive.write(header(' '.repeat(8)), 'latin1');
  const sum = archive.reduce((total, byte) => total + byte, 0);
  archive.write(header(`${octal(sum, 7)} `), 'latin1');
  return archive;
}
