import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root directory, absolute, seen from the compiled `build/lib/`. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));

/** The absolute path of MOUNT_POINT, which may be given relative to the project's root. */
export function resolveMountPoint(mountPoint: string): string {
  return path.resolve(projectRoot, mountPoint);
}
