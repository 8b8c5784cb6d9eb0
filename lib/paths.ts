import { fileURLToPath } from 'node:url';

/** The project's root directory, absolute, seen from the compiled `build/lib/`. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));
