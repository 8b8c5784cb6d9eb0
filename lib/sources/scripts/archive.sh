# Unpacks the archive on standard input into the working directory.
#
# Environment: FORMAT, tar.gz or zip.
# Names that are absolute or lead out with "..", devices, and encrypted members fail the whole. A directory that holds all the rest, as in
# GitHub's archives, is left out.
stage=$(mktemp -d /workspace/.fetch-XXXXXXXXXX)
mkdir "$stage/tree"
complaints=/tmp/complaints

fail() {
  # Ended for a file larger than all may be.
  ((status == 153)) && exit 153
  grep -m 1 . "$complaints" >&2 || true
  exit 40
}

case $FORMAT in
tar.gz)
  # GNU tar makes symbolic links last, so that no member is written through one. It is content with absolute names, and
  # drops the slash: it says so, at the beginning of a line.
  tar --extract --gzip --file=- --directory="$stage/tree" --no-same-owner --no-same-permissions \
    --warning=no-timestamp --warning=no-unknown-keyword 2>"$complaints" && status=0 || status=$?
  if grep -Eq "^tar: (Removing leading|.*Member name contains '\.\.')" "$complaints"; then exit 41; fi
  ((status == 0)) || fail
  ;;
zip)
  cat >"$stage/archive.zip"
  # grep reads to the end: with -q, pipefail would take unzip's broken pipe for "no such name".
  if unzip -Z1 "$stage/archive.zip" 2>/dev/null | grep -Ea '^[/\\]|(^|[/\\])\.\.([/\\]|$)' >/dev/null; then
    exit 41
  fi
  # 1 is a warning. Without an input it asks for no password.
  unzip -qq -o -d "$stage/tree" "$stage/archive.zip" </dev/null >"$complaints" 2>&1 && status=0 || status=$?
  if grep -q 'unable to get password' "$complaints"; then exit 43; fi
  # What unzip says is long, and of no help.
  ((status <= 1)) || { : >"$complaints"; fail; }
  rm "$stage/archive.zip"
  ;;
esac

shopt -s dotglob nullglob
root=$stage/tree
entries=("$root"/*)
((${#entries[@]} > 0)) || exit 42
if ((${#entries[@]} == 1)) && [ -d "${entries[0]}" ] && [ ! -L "${entries[0]}" ]; then root=${entries[0]}; fi

find "$root" -mindepth 1 -maxdepth 1 -exec mv -t /workspace -- {} +
rm -rf "$stage"
find /workspace -type f -perm /7000 -exec chmod ug-s,-t {} +
