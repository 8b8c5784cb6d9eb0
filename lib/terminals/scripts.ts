/**
 * Fixed scripts for the box's own `sh`. What a user chose reaches them as arguments, never as a part of the text. They
 * need nothing but a POSIX shell, so that they run in any image.
 */

/**
 * Becomes the user's shell, where there are no tools to do so: `$1` the directory, `$2` columns, `$3` rows, `$4` what to tell
 * a person first. The first line that it prints is its process id, which is its session's id as well, and when it began,
 * for {@link HANG_UP}.
 */
export const START_SHELL = `
stty cols "$2" rows "$3" 2>/dev/null
read -r stat </proc/$$/stat
echo "$$ $(set -- \${stat##*) }; echo "\${20}")"
cd "$1" || cd /workspace
[ "$4" ] && printf '\\033[33m%s\\033[0m\\n' "$4"
: "\${LANG:=C.UTF-8}" "\${TERM:=xterm-256color}"
export LANG TERM
for shell in bash zsh ash sh; do
  command -v "$shell" >/dev/null && exec "$shell"
done`;

/**
 * Ends every process of the session \`$1\`, as a terminal that is hung up does: SIGHUP, then SIGKILL for those that are
 * there a second later. In a container that was started anew meanwhile another shell may have that number: one that did
 * not begin at \`$2\`, its leader's 22nd field, is not ours. The session is a process's sixth field in /proc/PID/stat
 * (proc(5)), counted after the command's closing parenthesis, because a command may contain anything.
 */
export const HANG_UP = `
members() {
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    pid=\${line%% *}
    set -- "$session" \${line##*) }
    [ "$5" = "$session" ] && echo "$pid"
  done
}
session=$1 began=$2
if { read -r line <"/proc/$session/stat"; } 2>/dev/null; then
  set -- \${line##*) }
  [ "\${20}" = "$began" ] || exit 0
fi
pids=$(members)
[ "$pids" ] || exit 0
kill -HUP $pids 2>/dev/null
tries=10
while [ "$tries" -gt 0 ]; do
  pids=$(members)
  [ "$pids" ] || exit 0
  sleep 0.1
  tries=$((tries - 1))
done
kill -KILL $pids 2>/dev/null`;
