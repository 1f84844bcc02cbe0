import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { root as project } from '../../scripts/programs/build.ts'
import { runToEnd } from '../../scripts/programs/program.ts'
import { makeFolder } from '../build/support/make-folder.ts'
import { bootDebian } from './support/booted-debian.ts'
import { unpackDebian, whyNoDebian } from './support/debian-image.ts'
import { differences, listFiles } from './support/files.ts'
import { orThrow } from './support/or-throw.ts'
import { makePackages } from './support/packages.ts'

const mainPids = 'systemctl show -p MainPID --value plexd plexd-wireguard@plexd0'

/** With systemd as process 1; minutes, so only with `--all`. */
it('come, serve, are upgraded and go, as the guides say, and leave nothing', async (t) => {
  if (process.env.PLEXD_INSTALL !== 'all') return void t.skip('it takes a minute: --all')
  const why = await whyNoDebian()
  if (why !== undefined) return void t.skip(why)
  const folder = await makeFolder()
  t.after(() => rm(folder, { recursive: true, force: true }))
  const root = join(folder, 'debian')
  await unpackDebian(root)
  for (const version of ['1.0.0', '1.0.1']) await makePackages(version, join(root, 'srv', version))

  await t.test('as rpm', () => asRpm(root))
  await t.test('as deb, with services', () => asDeb(root))
})

/** By Debian's rpm, without what the packages want: those names are Fedora's. */
async function asRpm(root: string): Promise<void> {
  const inside = (line: string): Promise<string> =>
    orThrow(
      runToEnd('chroot', [root, 'env', '-i', 'PATH=/usr/sbin:/usr/bin', 'sh', '-c', line]),
      line,
    )
  const rpm = (command: string): Promise<string> =>
    orThrow(runToEnd('sh', ['-c', `rpm --root ${root} ${command}`]), command)
  await rpm('--initdb')
  const before = await inside(listFiles)
  await rpm(`-i --nodeps ${root}/srv/1.0.0/*.rpm`)
  await inside('echo "log_level: debug" >> /etc/plexd/config.yaml')
  await rpm(`-U --nodeps ${root}/srv/1.0.1/*.rpm`)
  assert.match(
    await inside('/usr/bin/plexd version; /usr/bin/plexd config check'),
    /1\.0\.1[\s\S]*nothing is wrong/,
  )
  assert.match(await inside('tail -1 /etc/plexd/config.yaml'), /debug/)
  assert.match(await inside('getent group plexd plexd-secrets'), /^plexd:[\s\S]*^plexd-secrets:/m)
  await rpm('-e plexd plexd-control-plane')
  await inside(
    'rm -r /etc/plexd; userdel plexd-control-plane; groupdel plexd; groupdel plexd-secrets',
  )
  assert.deepEqual(differences(before, await inside(listFiles)), [])
}

async function asDeb(root: string): Promise<void> {
  await using debian = await bootDebian(root)
  const { run } = debian
  const guides = await Promise.all(
    ['install', 'uninstall'].map((name) =>
      readFile(join(project, `docs/guides/${name}.md`), 'utf8'),
    ),
  )
  /** One of the commands in the guides. */
  const asWritten = (command: string, folder = '/'): Promise<string> => {
    assert.ok(
      guides.some((text) => text.includes(`\n    ${command}\n`)),
      `no guide has ${command}`,
    )
    return run(`cd ${folder}; ${command}`)
  }
  const pids = async (): Promise<string[]> => (await run(mainPids)).trim().split(/\n+/)

  const before = await run(listFiles)
  await asWritten('apt install --yes ./plexd-control-plane_*.deb', '/srv/1.0.0')
  assert.equal(await run('systemctl is-active plexd-control-plane || true'), 'inactive\n')
  await asWritten('systemctl enable --now plexd-control-plane')
  await asWritten('apt install --yes ./plexd_*.deb', '/srv/1.0.0')
  await run(
    'cd /var/lib/plexd-control-plane; export PLEXCTL_SERVER=unix://$PWD/admin.sock PLEXCTL_TOKEN_FILE=$PWD/admin-token; plexctl token create --join --url https://127.0.0.1:8443 | plexd setup --yes --join-file -',
  )
  // Ready means that it answers.
  assert.match(await run('plexd status'), /^control plane: https:\/\/127/m)
  await run(
    'until ip link show plexd0; do sleep 0.2; done; until nft list tables | grep backstop; do sleep 0.2; done',
  )

  const backstop = 'systemctl list-units --no-legend --no-pager "run-*.scope"'
  const [daemon, wireguard] = await pids()
  const scope = await run(backstop)
  assert.match(scope, /plexd keeps plexd0 shut/)
  await asWritten('systemctl restart plexd')
  await asWritten('systemctl reload plexd plexd-control-plane')
  const [restarted, same] = await pids()
  assert.notEqual(restarted, daemon)
  assert.deepEqual([same, await run(backstop)], [wireguard, scope])

  await asWritten('apt install --yes ./plexd_*.deb', '/srv/1.0.1')
  assert.match(await run('plexd status'), /^version: +1\.0\.1/m)
  assert.deepEqual([(await pids())[1], await run(backstop)], [wireguard, scope])

  await run(
    'mkdir -p /run/systemd/system/plexd.service.d; printf "[Service]\\nWatchdogSec=3s\\n" >/run/systemd/system/plexd.service.d/w.conf; systemctl daemon-reload; systemctl restart plexd; kill -STOP $(systemctl show -p MainPID --value plexd); until journalctl -u plexd | grep -q "Watchdog timeout"; do sleep 0.3; done; until systemctl is-active plexd; do sleep 0.3; done; rm -r /run/systemd/system/plexd.service.d; systemctl daemon-reload',
  )
  assert.equal((await pids())[1], wireguard)

  await asWritten('apt remove --yes plexd')
  assert.doesNotMatch(await run('ip link; nft list tables; systemctl list-units "run-*"'), /plexd/)
  assert.match(await run('cat /var/lib/plexd/identity.json'), /"node_id"/)
  const told = await asWritten('apt purge --yes plexd')
  assert.match(told, /plexctl node remove [\w.-]+\r?\n/)
  await asWritten('apt purge --yes plexd-control-plane')
  assert.deepEqual(differences(before, await run(listFiles)), [])
  assert.equal(
    await run('ls -d /run/plexd /run/wireguard 2>/dev/null; getent group plexd || true'),
    '',
  )
}
