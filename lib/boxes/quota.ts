import { execFile } from 'node:child_process';
import { lstat, mkdir, statfs } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** BTRFS_SUPER_MAGIC of linux/magic.h, and the inode of every subvolume's root (BTRFS_FIRST_FREE_OBJECTID). */
const BTRFS = 0x9123683e;
const SUBVOLUME_INODE = 256;

/**
 * A limit of workspaces that the kernel enforces: whoever is at it gets EDQUOT, "Disk quota exceeded". Who makes subvolumes of
 * his own in his workspace, which btrfs lets everybody do, gets past it: those are measured like all else.
 */
export class Quota {
  readonly limitBytes: number;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Makes a directory that can hold no more than the limit. Nothing is changed when it is there. */
  async make(directory: string): Promise<void> {
    if (await isSubvolume(directory)) return;
    await run('btrfs', ['subvolume', 'create', directory]);
    await run('btrfs', ['qgroup', 'limit', String(this.limitBytes), directory]);
  }

  /**
   * Removes such a directory with all that is in it.
   * @returns false when it is none, or has others in it
   */
  async remove(directory: string): Promise<boolean> {
    if (!(await isSubvolume(directory))) return false;
    const { stdout } = await run('btrfs', ['inspect-internal', 'rootid', directory]);
    try {
      await run('btrfs', ['subvolume', 'delete', '--commit-after', directory]);
    } catch {
      return false;
    }
    // Newer kernels have removed the group with it.
    await run('btrfs', ['qgroup', 'destroy', `0/${stdout.trim()}`, path.dirname(directory)]).catch(() => {});
    return true;
  }
}

/**
 * The quota of workspaces below `root`, where the file system has one: a btrfs of which root has enabled quotas (btrfs-quota(8)), and a
 * server that is root.
 * @returns undefined where it has none
 */
export async function detectQuota(root: string, limitBytes: number): Promise<Quota | undefined> {
  await mkdir(root, { recursive: true });
  if (process.getuid?.() !== 0 || (await statfs(root)).type !== BTRFS) return undefined;
  try {
    await run('btrfs', ['qgroup', 'show', root]);
    return new Quota(limitBytes);
  } catch {
    // There is no such program, or quotas are not enabled.
    return undefined;
  }
}

async function isSubvolume(directory: string): Promise<boolean> {
  const stats = await lstat(directory).catch(() => undefined);
  return stats?.isDirectory() === true && stats.ino === SUBVOLUME_INODE;
}
