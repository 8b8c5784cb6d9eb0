import { TOOLS_PATH, TOOLS_RUN_PATH } from '../../tools.js';

/**
 * How a box is kept from running on two nodes at once.
 *
 * Each time that a box might still run on a node that does not answer, it gets a new *generation*, a number. The one that
 * may run is in a file on the file system that all nodes share, which only servers write, and each container was told its own
 * when it was made. A container whose generation is no longer the file's ends by itself: that is all that its main process
 * is there for. So whoever has written the next one, and has waited long enough, knows that no container of an older one
 * writes to the workspace any more, though its node, cut off or without its engine, can't be asked.
 *
 * That the file is read in time: it is opened anew each second, and an open asks the server of the file system (NFS has
 * close-to-open consistency, https://datatracker.ietf.org/doc/html/rfc7530#section-10.3). A node that has lost the file
 * system too can't read it, but it can't write to the workspace either, and its container ends with the first word that it
 * gets, or after three errors.
 *
 * What it does not promise: who is root in a box can stop the main process (SIGSTOP). Then a second container may run
 * beside the first, on the workspace of that box alone.
 */
/** The main process: `$1` the file, `$2` its own generation; of the tools, `$3` their busybox, `$4` a pipe to make. */
const fence = (setUp: string, pause: string) => `
${setUp}
misses=0
while [ "$misses" -lt 3 ]; do
  if read -r generation <"$1"; then
    [ "$generation" = "$2" ] || exit 75
    misses=0
  else
    misses=$((misses + 1))
  fi
  ${pause}
done 2>/dev/null
exit 74`;

/** With the tools' own shell no process has to be started each second: it waits for what nobody writes into a pipe. */
const WITH_TOOLS = fence('"$3" mkfifo "$4" && exec 3<>"$4" || exit', 'read -r -t 1 _ <&3');
const WITHOUT_TOOLS = fence('', 'sleep 1');

/** Where a container sees its box's generation. */
export const GENERATION_PATH = '/run/dockbox-generation';

/** Its file in there. It is replaced, never written to: so what is mounted is its directory. */
export const GENERATION_FILE = 'current';

/**
 * The main process of a box of a generation.
 * @param tools whether the box has tools; without them it is the image's own shell
 */
export function fenceCommand(generation: number, tools: boolean): string[] {
  const file = `${GENERATION_PATH}/${GENERATION_FILE}`;
  if (!tools) return ['sh', '-c', WITHOUT_TOOLS, 'fence', file, String(generation)];
  const busybox = `${TOOLS_PATH}/bin/busybox`;
  const pipe = `${TOOLS_RUN_PATH}/.fence`;
  return [busybox, 'sh', '-c', WITH_TOOLS, 'fence', file, String(generation), busybox, pipe];
}
