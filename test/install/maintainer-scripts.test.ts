import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { makeFolder } from '../build/support/make-folder.ts'
import { type BootedDebian, bootDebian } from './support/booted-debian.ts'
import { unpackDebian, whyNoDebian } from './support/debian-image.ts'
import { makeSmallPackages } from './support/small-packages.ts'

const skip = (await whyNoDebian()) ?? false

describe('a package that comes, is upgraded or goes', { skip }, () => {
  let folder: string
  let debian: BootedDebian
  const run = (line: string): Promise<string> => debian.run(`exec 2>&1; ${line}`)
  const upgrade = 'dpkg -i /srv/plexd_1.0.1_amd64.deb'
  const mainPid = 'systemctl show -p MainPID --value plexd'

  before(async () => {
    folder = await makeFolder()
    const root = join(folder, 'debian')
    await unpackDebian(root)
    await makeSmallPackages(join(root, 'srv'), ['1.0.0', '1.0.1'])
    debian = await bootDebian(root)
  })
  after(async () => {
    await debian?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    await run('dpkg -i /srv/plexd_1.0.0_amd64.deb; systemctl enable --now plexd')
  })

  it('leaves a service that is masked, or that policy keeps, as it is, and says so', async () => {
    const pid = await run(mainPid)
    await run('systemctl mask plexd')
    assert.match(await run(upgrade), /still runs as the version before: it is masked/)
    await run('systemctl unmask plexd; printf "#!/bin/sh\\nexit 101\\n" >/usr/sbin/policy-rc.d')
    await run('chmod 755 /usr/sbin/policy-rc.d')
    assert.match(await run(upgrade), /policy-rc.d forbids a restart/)
    assert.equal(await run(mainPid), pid)
    await run(`rm /usr/sbin/policy-rc.d; ${upgrade}`)
    assert.notEqual(await run(mainPid), pid)
    await run(`systemctl disable --now plexd; ${upgrade}`)
    assert.equal(await run('systemctl is-active plexd || true'), 'inactive\n')
    assert.equal(await run('systemctl is-enabled plexd || true'), 'disabled\n')
  })

  it('is installed also if the service does not start, and removed while systemd tries again', async () => {
    await run('touch /etc/plexd/broken')
    assert.match(await run(upgrade), /plexd.service did not start again: look why with journalctl/)
    assert.equal(await run('systemctl is-active plexd || true'), 'activating\n')
    await run('rm -f /var/told; dpkg -r plexd')
    assert.equal(await run('systemctl is-active plexd || true'), 'inactive\n')
    assert.equal(await run('cat /var/told; rm /etc/plexd/broken'), 'down\n')
  })

  it('goes in a chroot without a word to the machine around', async () => {
    const pid = await run(mainPid)
    const shared = 'bin lib lib64 sbin usr etc var run proc srv dev'
    await run(
      `rm -f /var/told; for one in ${shared}; do mkdir -p /c/$one; mount --bind /$one /c/$one; done`,
    )
    await run('chroot /c dpkg --purge plexd; umount /c/*; rm -r /c')
    assert.equal(await run(mainPid), pid)
    await run('test ! -e /var/told && test ! -e /var/lib/plexd && test -d /run/plexd')
    await run('systemctl daemon-reload; systemctl stop plexd')
  })

  it('purges state behind a link, but nothing that is mounted or linked there', async () => {
    await run(
      'rm -r /var/lib/plexd; mkdir -p /data/plexd/deep /other/in; ln -s /data/plexd /var/lib/plexd; cd /data/plexd; touch agent.db locked; chmod 0 locked; ln -s /etc x; mkdir "deep/a [b]"; touch /other/kept; mount --bind /other "deep/a [b]"',
    )
    assert.match(
      await run('dpkg --purge plexd'),
      /"\/data\/plexd\/deep\/a \[b\]" is mounted there, and stays/,
    )
    assert.equal(
      await run('find /data /other | sort; ls -d /var/lib/plexd 2>/dev/null || true'),
      '/data\n/data/plexd\n/data/plexd/deep\n/data/plexd/deep/a [b]\n/data/plexd/deep/a [b]/in\n/data/plexd/deep/a [b]/kept\n/other\n/other/in\n/other/kept\n',
    )
    await run('umount /data/plexd/deep/*; rm -r /data; ln -s /etc /var/lib/plexd')
    await run('dpkg -i /srv/plexd_1.0.0_amd64.deb')
    assert.match(await run('dpkg --purge plexd'), /which has no agent.db: both stay/)
    await run('test -e /etc/passwd; rm /var/lib/plexd')
  })

  it('goes on after it was killed, and leaves groups of others alone', async () => {
    await run('dpkg --purge plexd; groupadd -g 5000 plexd')
    // A state of the package that dpkg notes on its way; one that is over before it is seen is no failure.
    for (const state of ['half-installed', 'unpacked', 'half-configured'])
      await run(
        `rm -f /tmp/log; dpkg --log=/tmp/log -i /srv/plexd_1.0.1_amd64.deb & until grep -qs "status ${state} plexd" /tmp/log || ! kill -0 $!; do :; done; kill -9 $! || true`,
      )
    await run(`${upgrade}; dpkg --configure -a; dpkg -s plexd | grep 'ok installed'`)
    await run('dpkg -i /srv/plexd-control-plane_1.0.1_amd64.deb; dpkg --purge plexd')
    assert.equal(
      await run('getent group plexd plexd-secrets; ls /etc/plexd; plexctl; groupdel plexd').catch(
        String,
      ),
      'plexd:x:5000:\ncontrol-plane.yaml\n',
    )
  })
})
