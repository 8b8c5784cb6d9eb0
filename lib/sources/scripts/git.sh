# Fetches one commit into the working directory and checks it out, in a repository that its user can go on with.
#
# Environment: ORIGIN, the address to remember; FETCH_URL, where it really is; KIND, NAME and WANTED of a revision;
#   AUTHORIZED when the header that authorizes requests is the first line of standard input.
# Git's configuration for the fetch alone comes in GIT_CONFIG_*, so that none of it stays in the repository.
if [ "${AUTHORIZED:-}" ]; then
  IFS= read -r header
  export "GIT_CONFIG_KEY_$GIT_CONFIG_COUNT=http.extraHeader" "GIT_CONFIG_VALUE_$GIT_CONFIG_COUNT=$header"
  export GIT_CONFIG_COUNT=$((GIT_CONFIG_COUNT + 1))
fi
git init --quiet --template= --initial-branch="$([ "$KIND" = branch ] && echo "$NAME" || echo main)" .
git remote add origin "$ORIGIN"

fetch() {
  git fetch --progress --no-tags --no-recurse-submodules "$@" || exit 30
}

case $KIND in
branch)
  fetch --depth=1 -- "$FETCH_URL" "+$WANTED:refs/remotes/origin/$NAME"
  git checkout --quiet --track -B "$NAME" "refs/remotes/origin/$NAME"
  ;;
tag)
  fetch --depth=1 -- "$FETCH_URL" "+$WANTED:$WANTED"
  git checkout --quiet --detach "$WANTED^{commit}"
  ;;
commit)
  # Servers may refuse a commit that no branch or tag points to, and know no abbreviations: then it is in the history.
  if ((${#WANTED} < 40)) || ! git fetch --quiet --depth=1 --no-tags -- "$FETCH_URL" "$WANTED" 2>/dev/null; then
    fetch -- "$FETCH_URL" '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'
  fi
  commit=$(git rev-parse --quiet --verify "$WANTED^{commit}") || exit 31
  git checkout --quiet --detach "$commit"
  ;;
esac

printf 'commit %s\0' "$(git rev-parse HEAD)"
