import { addressList } from '../lib/address-list.js';
import type { Config } from '../lib/config.js';
import { FLEET_BRIDGE } from '../lib/network.js';
import { FORWARD_CHAIN, INPUT_CHAIN, rulesFor } from './firewall.js';

type Settings = Pick<Config, 'BOX_EGRESS_ALLOW' | 'BOX_EGRESS_DENY'>;

/**
 * The firewall of a fleet's node as a shell script: nodes need not have Node.js. It does what {@link ensureFirewall} does
 * on the single engine's host, and may be run as often as one likes; resolvers are those of the machine that runs it.
 */
export function firewallScript({ BOX_EGRESS_ALLOW, BOX_EGRESS_DENY }: Settings): string {
  const lists = { allow: addressList(BOX_EGRESS_ALLOW), deny: addressList(BOX_EGRESS_DENY), resolvers: [] };
  return `#!/bin/sh
# Keeps the boxes on this node of the fleet from private networks and from the node itself. To be run as root, after each
# start of the machine, once Docker runs.
set -e

# Those that Docker passes boxes' questions on to, which may be at private addresses.
resolvers() {
  sed -n 's/^[[:space:]]*nameserver[[:space:]]*\\([^[:space:]%]*\\).*/\\1/p' \\
    /etc/resolv.conf /run/systemd/resolve/resolv.conf 2>/dev/null | grep "$1" | grep -v '^127\\.\\|^::1$' | sort -u
}

# Enters the chains: $1 the command, $2 what a resolver's address has in it.
enter() {
  for resolver in $(resolvers "$2"); do
    for chain in ${FORWARD_CHAIN} ${INPUT_CHAIN}; do
      for protocol in udp tcp; do
        $1 --wait --insert $chain -d "$resolver" -p $protocol --dport 53 -j RETURN
      done
    done
  done
  parent=FORWARD
  if $1 --wait --list-rules DOCKER-USER >/dev/null 2>&1; then parent=DOCKER-USER; fi
  jump "$1" "$parent" ${FORWARD_CHAIN}
  jump "$1" INPUT ${INPUT_CHAIN}
}

# $1 the command, $2 the chain to come from, $3 the one to go to.
jump() {
  $1 --wait --check "$2" --in-interface ${FLEET_BRIDGE} --jump "$3" 2>/dev/null ||
    $1 --wait --insert "$2" --in-interface ${FLEET_BRIDGE} --jump "$3"
}

iptables-restore --wait --noflush <<'RULES'
${rulesFor({ family: 4, ...lists })}RULES
enter iptables '\\.'

[ -e /proc/net/if_inet6 ] || exit 0
ip6tables-restore --wait --noflush <<'RULES'
${rulesFor({ family: 6, ...lists })}RULES
enter ip6tables :
`;
}
