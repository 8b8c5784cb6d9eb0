#!/bin/sh
# The certificates with which servers and Docker engines know each other:
#
#   deploy/certificates.sh DIRECTORY NAME…
#
# makes an authority in DIRECTORY, unless there is one; in DIRECTORY/engine what engines at the names or addresses have, such as
# "*.dockbox.internal 10.0.1.10"; in DIRECTORY/client what servers have, for DOCKER_CERT_PATH. Whoever has a client's is root on every
# engine's host. Keep ca-key.pem off all of them. They are good for two years, the authority for ten: run it again before that, or for
# other names, with all of them. Engines and servers with former ones and with new ones accept each other.
set -eu
umask 077

directory=${1:?usage: certificates.sh DIRECTORY NAME…}
shift
[ $# -gt 0 ] || { echo "certificates.sh: name the engines" >&2; exit 2; }
mkdir -p "$directory/engine" "$directory/client"
cd "$directory"

names=
for name in "$@"; do
  case $name in
    *:*) names="$names,IP:$name" ;;
    *[!0-9.]*) names="$names,DNS:$name" ;;
    *) names="$names,IP:$name" ;;
  esac
done

[ -f ca-key.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=dockbox \
  -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign \
  -keyout ca-key.pem -out ca.pem 2>/dev/null

# $1 for whom, $2 the extensions of X.509
issue() {
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=dockbox $1" -keyout "$1/key.pem" 2>/dev/null |
    openssl x509 -req -days 730 -CA ca.pem -CAkey ca-key.pem -CAcreateserial -extfile "$2" -out "$1/cert.pem" 2>/dev/null
  cp ca.pem "$1/ca.pem"
  rm "$2"
}

printf 'extendedKeyUsage=serverAuth\nsubjectAltName=%s\n' "${names#,}" >engine.ext
issue engine engine.ext
printf 'extendedKeyUsage=clientAuth\n' >client.ext
issue client client.ext
