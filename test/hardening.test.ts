import t from 'tap';
import { GENERATION_PATH } from '../lib/engines/swarm/fence.js';
import { startApp } from './helpers/app.js';
import { createBox } from './helpers/box.js';
import { ON_SWARM } from './helpers/daemon.js';

const MIB = 1024 ** 2;
const limits = { BOX_MEMORY_BYTES: String(128 * MIB), BOX_CPUS: '0.5', BOX_PIDS: '80' };

t.test('what a box can not do, seen from inside', async (t) => {
  const app = await startApp(t, limits);
  const id = await createBox(t, app);
  /** Runs a script as the box's root. @returns what it printed */
  const inside = async (script: string) =>
    (await app.deployment.run(id, 'bash', '-c', script)).replaceAll('\r\n', '\n').trim();

  await t.test('it has no powers over the machine', async (t) => {
    const status = Object.fromEntries(
      (await inside('cat /proc/self/status'))
        .split('\n')
        .map((line) => line.split(/:\s+/) as [string, string]),
    );
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE (capabilities(7)).
    t.match(status, { CapEff: '00000000000004fb', CapPrm: '00000000000004fb', CapBnd: '00000000000004fb' });
    t.match(status, { CapInh: '0000000000000000', CapAmb: '0000000000000000' });
    t.match(status, { NoNewPrivs: '1', Seccomp: '2' });
  });

  const refused: [what: string, script: string][] = [
    ['mount a file system', 'mount -t tmpfs tmpfs /mnt'],
    ['make a device', 'mknod /tmp/disk b 8 0'],
    ['make a user namespace, and be root in it', 'unshare --user --map-root-user true'],
    ['leave its own namespaces', 'nsenter --target 1 --mount --net true'],
    ['load a kernel module, or another kernel', 'echo 1 >/proc/sys/kernel/modules_disabled'],
    ['change the kernel', 'echo x >/proc/sys/kernel/core_pattern'],
    ['restart the machine', 'echo b >/proc/sysrq-trigger'],
    ['read the kernel log', 'dmesg'],
    ['set the clock', 'date --set "2000-01-01"'],
    ['raise its own limits', 'ulimit -n 1000000'],
    ['change what holds its terminals', 'touch /opt/dockbox/bin/hold'],
    ['say on which node of a swarm it is to run', `touch ${GENERATION_PATH}/note`],
    [
      'raise its share',
      'cd /sys/fs/cgroup && if [ -e memory.max ]; then echo max >memory.max; else echo -1 >memory/memory.limit_in_bytes; fi',
    ],
  ];
  for (const [what, script] of refused) {
    await t.test(`it can not ${what}`, async (t) => {
      t.match(await inside(`(${script}) 2>&1; echo "status $?"`), /status [1-9]/);
    });
  }

  await t.test('a program that is set to another user gains nothing', async (t) => {
    const script = `cp /usr/bin/id /tmp/id && chmod 6755 /tmp/id &&
      setpriv --reuid=65534 --regid=65534 --clear-groups /tmp/id -u`;
    t.equal(await inside(script), '65534');
  });

  await t.test('it sees nothing of the host but its workspace', async (t) => {
    const mounts = (await inside('cut -d" " -f5 /proc/self/mountinfo')).split('\n');
    const own = mounts
      .map((place) => place.replace(/^\/sbin/, '/usr/sbin'))
      .filter((place) => !/^\/(proc|sys|dev)(\/|$)/.test(place));
    const engines = ['/usr/sbin/docker-init', '/etc/resolv.conf', '/etc/hostname', '/etc/hosts'];
    const ours = ['/opt/dockbox', '/run/dockbox', '/workspace', ...(ON_SWARM ? [GENERATION_PATH] : [])];
    t.same(own.sort(), ['/', ...ours, ...engines].sort());
    t.equal(
      await inside('find / -xdev -type s 2>/dev/null; ls /run/docker* /var/run/docker* 2>/dev/null'),
      '',
    );
    t.notMatch(await inside('cat /proc/*/cmdline | tr "\\0" "\\n"'), /dockerd|postgres|node/);
  });

  await t.test('nor what /proc and /sys tell of it', async (t) => {
    t.equal(await inside('cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | head -c 100'), '');
    t.equal(await inside('ls -A /sys/firmware /proc/acpi /proc/scsi 2>/dev/null | grep -v :'), '');
    for (const place of ['/proc/sys', '/proc/irq', '/proc/bus', '/sys']) {
      t.match(await inside(`awk '$5 == "${place}" { print $6 }' /proc/self/mountinfo`), /^ro,/, place);
    }
  });

  await t.test('it has an IPv4 address alone, and no way to make packets of its own', async (t) => {
    t.equal(await inside('grep -v " lo$" /proc/net/if_inet6'), '');
    t.match(
      await inside('bash -c "exec 3<>/dev/udp/127.0.0.1/9" && ping -c 1 127.0.0.1; echo "status $?"'),
      /status [1-9]/,
    );
  });

  await t.test('its limits are those that are configured', async (t) => {
    const read = (...files: string[]) =>
      inside(`cat ${files.map((file) => `/sys/fs/cgroup/${file}`).join(' ')} 2>/dev/null`);
    t.equal(await read('memory.max', 'memory/memory.limit_in_bytes'), String(128 * MIB));
    // No swap; a service can't be kept from as much of it as it has of memory: see deploy/swarm.md.
    const swap = ON_SWARM ? /^134217728$|^268435456$|^$/ : /^0$|^134217728$|^$/;
    t.match(await read('memory.swap.max', 'memory/memory.memsw.limit_in_bytes'), swap);
    t.equal(await read('pids.max', 'pids/pids.max'), '80');
    t.match(await read('cpu.max', 'cpu/cpu.cfs_quota_us'), /^50000( 100000)?$/);
    t.equal(await inside('ulimit -Hn; ulimit -Hc'), '16384\n0');
    t.equal(await inside('df --output=size -B1 /dev/shm | tail -1'), String(64 * MIB));
    t.equal(await inside('df --output=size -B1 /run/dockbox | tail -1'), String(MIB));
  });
});
