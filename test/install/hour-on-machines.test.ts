import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { readJoin } from '@plexd/protocol'
import { root as project } from '../../scripts/programs/build.ts'
import { runToEnd } from '../../scripts/programs/program.ts'
import { commandsOf } from '../support/guide.ts'
import { seed } from './support/cloud-seed.ts'
import { whyNoDebian } from './support/debian-image.ts'
import { makeCertificate, serveFolder } from './support/downloads.ts'
import { controlName } from './support/fleet.ts'
import { installRpm } from './support/install-rpm.ts'
import { isNowhere } from './support/is-nowhere.ts'
import { openMachines } from './support/machines.ts'
import { orThrow } from './support/or-throw.ts'
import { openTerminal } from './support/terminal.ts'
import { watchArguments } from './support/watch-arguments.ts'

const downloads = 'dl.example.com'
const names = {
  /** The first host of a laboratory. */
  [downloads]: '203.0.113.1',
  [controlName]: '203.0.113.101',
  'web-01': '203.0.113.102',
  'web-02': '203.0.113.103',
  'web-03': '203.0.113.104',
}

/** Each command of the guide, in its order, on machines that trust the server of the downloads; minutes, so only with `--all`. */
it('the first hour goes as its guide says, and no token is where others see it', async (t) => {
  if (process.env.PLEXD_INSTALL !== 'all') return void t.skip('it takes minutes: --all')
  const why = await whyNoDebian()
  if (why !== undefined) return void t.skip(why)
  await using machines = await openMachines({ kind: 'cloud', names })
  const { lab, image } = machines
  const commands = await commandsOf('first-hour')
  /** The next command of the guide, which has to be this one. */
  const next = (command: string): string => {
    assert.equal(commands.shift(), command)
    return command
  }

  const out = join(lab.folder, 'dist')
  await t.test('a build', async () => {
    const run = (command: string): Promise<string> =>
      orThrow(
        runToEnd('sh', [
          '-c',
          `cd '${project}' && ${command.replaceAll('release.pem', `${lab.folder}/release.pem`)}`,
        ]),
        command,
      )
    await run(next('./run build --new-key release.pem'))
    await run(
      `${next('./run build --sign-key release.pem --arch amd64 --arch arm64')} --out '${out}'`,
    )
    const certificate = await makeCertificate(lab.folder, downloads)
    assert.equal(await serveFolder(lab, out, certificate), names[downloads])
    await mkdir(join(image, 'usr/local/share/ca-certificates'), { recursive: true })
    await writeFile(
      join(image, 'usr/local/share/ca-certificates/test.crt'),
      await readFile(certificate.cert),
    )
    await orThrow(runToEnd('chroot', [image, 'update-ca-certificates']))
  })

  const control = await machines.boot(controlName)
  await t.test('the control plane', async () => {
    await control.run(next(`curl -fsSLO https://${downloads}/plexd/install.sh`))
    await control.run(next(`sh install.sh --from https://${downloads}/plexd --control-plane`))
    await control.run(
      'cat >>/etc/plexd/control-plane.yaml',
      `public_url: https://${controlName}:8443\ntls_san: [${controlName}]\n`,
    )
    await control.run(next('systemctl enable --now plexd-control-plane'))
    assert.equal((await control.run(next('plexctl node list'))).split('\n').length, 2)
  })

  await t.test('a node, by what is pasted', async () => {
    const web = await machines.boot('web-01')
    const pasted = await control.run(
      next(`plexctl token create --install-command --from https://${downloads}/plexd`),
    )
    const [join = assert.fail()] = /plexd-join-\S+/.exec(pasted) ?? []
    const traced = `${lab.folder}/arguments`
    const strace = ['strace', '-f', '-qq', '-e', 'trace=execve', '-s', '65536', '-o', traced]
    await using terminal = openTerminal(web, strace)
    await terminal.shows('# ')
    terminal.paste(`${pasted}echo "ended=$?"\n`)
    await terminal.shows(/ended=\d/)
    const shown = await terminal.leave()
    assert.match(shown, /next: plexctl node show web-01/, shown)
    assert.match(await web.run('cat ~/.bash_history'), /ended=/)
    const ran = await readFile(traced, 'utf8')
    assert.match(ran, /"setup", "--yes", "--join-file", "-"/)
    for (const secret of [join, readJoin(join).token]) {
      assert.ok(!ran.includes(secret), 'on a command line')
      await isNowhere(web, secret)
    }
  })

  await t.test('a node, by plexd setup', async () => {
    const web = await machines.boot('web-02')
    const from = `--from https://${downloads}/plexd`
    await web.run(`curl -fsSLO https://${downloads}/plexd/install.sh; sh install.sh ${from}`)
    const create = next('plexctl token create --join')
    await using terminal = openTerminal(web)
    terminal.type('plexd setup\n')
    await terminal.shows('Join string')
    terminal.type(await control.run(create))
    await terminal.shows(/next: plexctl node show web-02|FAILED|plexd: .*:/)
    assert.match(await terminal.leave(), /next: plexctl node show web-02/)
    await web.run('plexd deregister --purge --yes; systemctl stop plexd')
    await web.run('umask 077; cat >/run/join', await control.run(create))
    assert.match(
      await web.run(next('plexd setup --yes --join-file /run/join')),
      /service is started/,
    )
    await control.run(next('plexctl node show web-01'))
  })

  await t.test('a machine that is made by a cloud', async () => {
    const create = next(
      `plexctl token create --cloud-init --from https://${downloads}/plexd > user-data`,
    )
    await control.run(create)
    const data = await control.run('cat user-data')
    const [join = assert.fail()] = /plexd-join-\S+/.exec(data) ?? []
    using watched = watchArguments(join)
    const web = await machines.boot('web-03', (upper) => seed(upper, data))
    const told = await web.run('cloud-init status --wait; cat /var/log/cloud-init-output.log')
    assert.match(told, /next: plexctl node show web-03/)
    assert.match(await control.run('plexctl node list'), /web-03/)
    assert.deepEqual(watched.found, [])
    for (const secret of [join, readJoin(join).token]) await isNowhere(web, secret)
    assert.equal(await web.run('ls /run/plexd-install 2>/dev/null || true'), '')
  })

  await t.test('what the installer does', async () => {
    await control.run(next(`sh install.sh --from https://${downloads}/plexd --dry-run`))
    assert.deepEqual(commands, [])
    await installRpm(out, join(lab.folder, 'rpm'))
  })
})
