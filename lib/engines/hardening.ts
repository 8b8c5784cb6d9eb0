import { TOOLS_PATH } from '../tools.js';

/** What package managers need as root, and no more: no raw sockets, no device nodes, no mounts. */
export const CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETGID',
  'SETUID',
];

/** The size of /dev/shm, in bytes: what Docker gives, whatever its daemon is told. */
export const SHM_BYTES = 64 * 1024 ** 2;

/**
 * Of a process: an engine's own limit for open files may be a million, or, where it may raise none, some 20,000. A crash
 * leaves no core in the workspace.
 */
export const ULIMITS = [
  { Name: 'nofile', Soft: 16_384, Hard: 16_384 },
  { Name: 'core', Soft: 0, Hard: 0 },
];

/** Seconds between SIGTERM and SIGKILL. The main process ends at once; the shells go with it. */
export const STOP_GRACE_SECONDS = 2;

/** What a box's container is there for: to be there. From the tools where there are any: not every image has a tail. */
export const mainCommand = (tools: boolean) => [
  ...(tools ? [`${TOOLS_PATH}/bin/busybox`] : []),
  'tail',
  '-f',
  '/dev/null',
];
