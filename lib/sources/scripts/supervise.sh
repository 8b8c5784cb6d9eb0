# Waits for a job, runs it in /workspace, watches its size while it runs, then lists what came.
#
# Arguments: a bash script that does the fetching.
# Standard input: variables, NAME=value, each ended by a NUL; an empty one; then what the script reads. Nothing at all: there is
#   no job. DIRECTORY, MAX_BYTES, MAX_FILES, OWNER and TIMEOUT_SECONDS are for this script.
# Standard output: records, each ended by a NUL: what the script writes, then "root <path>", "devcontainer <text>", "file
#   <bytes> <path>" for each regular file, with paths from the workspace's root, and, when that is all, "end ".
# Status: the script's, or one of FAILURES in failures.ts.
set -uo pipefail
umask 022
while IFS= read -r -d '' variable || exit 0; do
  [ "$variable" ] || break
  export "${variable?}"
done
SECONDS=0
chown 0:0 /workspace
cd /workspace

# All that is in the workspace, with hard links counted once.
check_size() {
  find /workspace -printf '%i %b\n' 2>/dev/null | awk -v max_bytes="$MAX_BYTES" -v max_files="$MAX_FILES" '
    !seen[$1]++ { files++; bytes += $2 * 512 }
    bytes >= max_bytes { exit 20 }
    files > max_files { exit 21 }'
  case ${PIPESTATUS[1]} in 20 | 21) exit "${PIPESTATUS[1]}" ;; esac
}

# Bash gives a background job no standard input of its own accord.
exec 3<&0
bash -euo pipefail -c "$1" fetch <&3 &
job=$!

# When this process ends, PID 1 of the container, the kernel ends all others.
while kill -0 "$job" 2>/dev/null; do
  sleep 0.2 &
  wait -n "$job" $!
  kill -0 "$job" 2>/dev/null || break
  # Whoever started this may be gone.
  ((SECONDS > TIMEOUT_SECONDS)) && exit 22
  check_size
done
wait "$job"
status=$?
check_size
[ "$status" = 0 ] || exit "$status"
[ "$OWNER" = 0:0 ] || chown -R --no-dereference -- "$OWNER" /workspace

root=$(realpath -e -- "/workspace/$DIRECTORY" 2>/dev/null) && [ -d "$root" ] || exit 23
case $root in
/workspace) path= ;;
/workspace/*) path=${root#/workspace/} ;;
*) exit 23 ;;
esac
printf 'root %s\0' "$path"

for directory in "$root" /workspace; do
  for file in "$directory/.devcontainer/devcontainer.json" "$directory/.devcontainer.json"; do
    [ -f "$file" ] || continue
    printf 'devcontainer %s\0' "$(head -c 65536 -- "$file" | tr -d '\0')"
    break 2
  done
done

find "$root" -name .git -prune -o -type f -printf 'file %s %p\0'
printf 'end \0'

# The engine has better to do now than to take the container down. Whoever reads this removes it, when there is time.
exec sleep 60
