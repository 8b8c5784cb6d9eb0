#!/bin/bash
# User data of an EC2 instance with Debian 12 or Ubuntu 22.04, or newer, that is a Docker host of dockbox and, unless it is a worker of a
# swarm, runs a server, too. It may be run again. README.md says what has to be there before.
set -euo pipefail

# What a deployment is, filled in by whoever makes the instance.
ROLE=${ROLE:-single}                     # single, manager or worker
REGION=${REGION:-eu-west-1}
FILE_SYSTEM=${FILE_SYSTEM:?an EFS, such as fs-0123456789abcdef0}
PARAMETERS=${PARAMETERS:-/dockbox}       # in the Parameter Store: engine/*.pem, client/*.pem, database-password, swarm/*
SERVER_IMAGE=${SERVER_IMAGE:?the image of the server, in ECR or another registry}
DATABASE_HOST=${DATABASE_HOST:?the endpoint of an RDS instance}
MOUNT_POINT=/srv/dockbox

export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends docker.io nfs-common iptables awscli ca-certificates curl unattended-upgrades

parameter() {
  aws ssm get-parameter --region "$REGION" --with-decryption --name "$PARAMETERS/$1" --query Parameter.Value --output text
}

# The shared file system, at the same path on every host. NFS alone: another transport is a matter of the VPC's.
mkdir -p "$MOUNT_POINT"
options=nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport,_netdev,nosuid,nodev
line="$FILE_SYSTEM.efs.$REGION.amazonaws.com:/ $MOUNT_POINT nfs4 $options 0 0"
grep -qF " $MOUNT_POINT nfs4 " /etc/fstab || echo "$line" >>/etc/fstab
mountpoint -q "$MOUNT_POINT" || mount "$MOUNT_POINT"

# Docker, for servers and the swarm's managers on 2376 with certificates both ways. Nothing in a container gains privileges, which a service
# can't ask for, and containers of the default bridge don't reach each other. A swarm can't do with live-restore.
install -d -m 700 /etc/docker/tls
for file in ca cert key; do
  (umask 077 && parameter "engine/$file.pem" >"/etc/docker/tls/$file.pem")
done
live_restore=$([ "$ROLE" = single ] && echo true || echo false)
cat >/etc/docker/daemon.json <<JSON
{
  "hosts": ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2376"],
  "tlsverify": true,
  "tlscacert": "/etc/docker/tls/ca.pem",
  "tlscert": "/etc/docker/tls/cert.pem",
  "tlskey": "/etc/docker/tls/key.pem",
  "no-new-privileges": true,
  "icc": false,
  "userland-proxy": false,
  "live-restore": $live_restore,
  "log-driver": "json-file",
  "log-opts": { "max-size": "50m", "max-file": "5" }
}
JSON
# The package's own unit names a host, which daemon.json does, too.
install -d /etc/systemd/system/docker.service.d
# A swarm's node forgets Docker's networks at each start: swarm.md says why.
forget=$([ "$ROLE" = single ] || echo "ExecStartPre=-/bin/rm -f /var/lib/docker/network/files/local-kv.db")
cat >/etc/systemd/system/docker.service.d/dockbox.conf <<UNIT
[Unit]
RequiresMountsFor=$MOUNT_POINT
[Service]
$forget
ExecStart=
ExecStart=/usr/bin/dockerd
UNIT

# Logs: what the journal keeps. Docker rotates those of containers.
install -d /etc/systemd/journald.conf.d
cat >/etc/systemd/journald.conf.d/dockbox.conf <<CONF
[Journal]
SystemMaxUse=2G
MaxRetentionSec=1month
CONF
systemctl restart systemd-journald
systemctl daemon-reload
systemctl enable docker
systemctl restart docker

# What all hosts of a deployment have their parts from.
registry=${SERVER_IMAGE%%/*}
case $registry in
  *.dkr.ecr.*) aws ecr get-login-password --region "$REGION" | docker login -u AWS --password-stdin "$registry" ;;
esac
docker pull -q "$SERVER_IMAGE"

# A node keeps its boxes from private networks and from itself, by the rules of the server's own version; again after each start of Docker.
if [ "$ROLE" != single ]; then
  print='process.stdout.write((await import("/app/build/setup/firewall-script.js")).firewallScript({ BOX_EGRESS_ALLOW: "", BOX_EGRESS_DENY: "" }))'
  docker run --rm --network none "$SERVER_IMAGE" node --input-type=module -e "$print" >/usr/local/sbin/dockbox-firewall
  cat >/etc/systemd/system/dockbox-firewall.service <<UNIT
[Unit]
Description=What boxes may reach
After=docker.service
PartOf=docker.service
[Service]
Type=oneshot
RemainAfterExit=true
ExecStart=/bin/sh /usr/local/sbin/dockbox-firewall
[Install]
WantedBy=docker.service
UNIT
  systemctl daemon-reload
  systemctl enable dockbox-firewall
  systemctl restart dockbox-firewall
fi

# The swarm. The first manager makes it, and tells the others how to join.
if [ "$ROLE" != single ] && [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" = inactive ]; then
  if [ "$ROLE" = manager ] && ! parameter swarm/address >/dev/null 2>&1; then
    docker swarm init
    put() {
      aws ssm put-parameter --region "$REGION" --type SecureString --overwrite --name "$PARAMETERS/swarm/$1" --value "$2" >/dev/null
    }
    for role in worker manager; do put "$role" "$(docker swarm join-token -q "$role")"; done
    put address "$(docker info --format '{{.Swarm.NodeAddr}}'):2377"
  else
    docker swarm join --token "$(parameter "swarm/$ROLE")" "$(parameter swarm/address)"
  fi
fi
[ "$ROLE" = worker ] && exit 0

# The server, taken out of its image: Node, the project, the unit.
# The same number on every host: the files are shared.
id dockbox >/dev/null 2>&1 || useradd --uid 7303 --system --home-dir /nonexistent --shell /usr/sbin/nologin dockbox
chown dockbox: "$MOUNT_POINT"
rm -rf /opt/dockbox.new
mkdir -p /opt/dockbox.new/bin
container=$(docker create "$SERVER_IMAGE")
docker cp -q "$container:/app" /opt/dockbox.new/app
docker cp -q "$container:/usr/local/bin/node" /opt/dockbox.new/bin/node
docker rm "$container" >/dev/null
chown -R root: /opt/dockbox.new
# What runs has its files open; it is told to end, and drains, when the new ones are there.
rm -rf /opt/dockbox
mv /opt/dockbox.new /opt/dockbox

curl -fsS -o /etc/ssl/certs/rds.pem "https://truststore.pki.rds.amazonaws.com/$REGION/$REGION-bundle.pem"
engine='DOCKER_SERVER_HOST=/var/run/docker.sock'
if [ "$ROLE" = manager ]; then
  # The nodes' engines are on other hosts.
  install -d -m 750 -g dockbox /etc/dockbox-tls
  for file in ca cert key; do
    (umask 077 && parameter "client/$file.pem" >"/etc/dockbox-tls/$file.pem")
    chown dockbox "/etc/dockbox-tls/$file.pem"
  done
  engine="ENGINE=swarm
DOCKER_SERVER_HOST=tcp://$(docker info --format '{{.Swarm.NodeAddr}}'):2376
DOCKER_CERT_PATH=/etc/dockbox-tls"
fi
(
  umask 077
  cat >/etc/dockbox.env <<ENV
NODE_ENV=production
ENVIRONMENT=production
HOST=0.0.0.0
PORT=3000
$engine
DATABASE_HOST=$DATABASE_HOST
DATABASE_PORT=5432
DATABASE_NAME=dockbox
DATABASE_USER=dockbox
DATABASE_PASSWORD=$(parameter database-password)
DATABASE_SSL=verify
DATABASE_CA_FILE=/etc/ssl/certs/rds.pem
MOUNT_POINT=$MOUNT_POINT
BOX_EGRESS=required
TRUST_PROXY=1
DRAIN_NOTICE_SECONDS=12
DRAIN_SECONDS=30
ENV
)
install -m 644 /opt/dockbox/app/deploy/dockbox.service /etc/systemd/system/dockbox.service
systemctl daemon-reload
systemctl enable dockbox
systemctl restart dockbox
