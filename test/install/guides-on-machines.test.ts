import assert from 'node:assert/strict'
import { join } from 'node:path'
import { it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { runToEnd } from '../../scripts/programs/program.ts'
import { commandsOf } from '../support/guide.ts'
import { whyNoDebian } from './support/debian-image.ts'
import { controlName, installFleet } from './support/fleet.ts'
import { type Machine, openMachines, seen } from './support/machines.ts'
import { orThrow } from './support/or-throw.ts'
import { makePackages } from './support/packages.ts'

const newName = 'new.example.com'
const names = { [controlName]: '203.0.113.101', web: '203.0.113.102', [newName]: '203.0.113.105' }

/** Each command of the guides to backups and to a move, as root on machines with packages; minutes, so only with `--all`. */
it('a control plane is backed up, restored and moved as its guides say', async (t) => {
  if (process.env.PLEXD_INSTALL !== 'all') return void t.skip('it takes minutes: --all')
  const why = await whyNoDebian()
  if (why !== undefined) return void t.skip(why)
  if ((await runToEnd('age', ['--version'])).code !== 0) return void t.skip('it needs age')
  await using machines = await openMachines({ names })
  const { shared } = machines
  await makePackages('1.0.0', join(shared, '1.0.0'), /deb$/)
  const [control, web] = await Promise.all([machines.boot(controlName), machines.boot('web')])
  const folder = `${seen}/1.0.0`
  const { plexctl } = await installFleet(control, [web], { folder, config: '' })

  await t.test('backup and restore', async () => {
    const next = createReader(await commandsOf('back-up'))
    const told = await orThrow(
      runToEnd('sh', ['-c', `cd '${shared}' && ${next(/^age-keygen/)} 2>&1`]),
    )
    const recipient = /age1\w+/.exec(told)?.[0] ?? assert.fail(told)
    await plexctl('data put before --selector "*" --file /etc/hostname')
    await control.run(next(/^install -d/))
    await control.run(next(/ backup create /).replace('age1...', recipient))
    await plexctl('data put behind --selector "*" --file /etc/hostname')
    await control.run(`cp /var/lib/plexd-control-plane/master.key ${seen}/backup.key /root`)
    assert.match(await control.run(`cd /root && ${next(/ backup verify /)}`), /can be restored/)
    next(/^age -d/)
    await control.run('systemctl stop plexd-control-plane && rm -r /var/lib/plexd-control-plane')
    await control.run(next(/^install -d/))
    await control.run(`cd /root && ${next(/ restore /)}`)
    await control.run(next(/ admin-token reset$/))
    assert.match(await control.run(`${next(/ doctor$/)} || true`), /^ok +database/m)
    await control.run(next(/^systemctl/))
    const entries = await plexctl('data list')
    assert.ok(/before/.test(entries) && !/behind/.test(entries), entries)
    await untilOnline(control)
  })

  await t.test('a move', async () => {
    const next = createReader(await commandsOf('move-the-control-plane'))
    const moved = await machines.boot(newName)
    await control.run(next(/^plexctl move announce/))
    await untilShown(control, 'plexctl move status', /known to: +1 of 1/)
    next(/^plexctl move status$/)
    await control.run(next(/^systemctl disable/))
    await control.run(next(/^install -d/))
    const create = next(/ backup create /)
    await control.run(create)
    const [file = assert.fail()] = /(?<=--out )\S+/.exec(create) ?? []
    const bytes = await control.run(`base64 ${file}`)
    await moved.run(`apt install --yes ${folder}/plexd-control-plane_*.deb`)
    const settings = `public_url: https://${newName}:8443\ntls_san: [${newName}]\n`
    await moved.run('cat >>/etc/plexd/control-plane.yaml', settings)
    await moved.run(`install -D /dev/null ${file} && base64 -d >${file}`, bytes)
    await moved.run(next(/^install -d/))
    await moved.run(next(/ restore /))
    await moved.run(next(/ admin-token reset$/))
    await moved.run(`${next(/ doctor$/)} || true`)
    await moved.run(next(/^systemctl enable/))
    await untilOnline(moved)
    await untilShown(moved, next(/^plexctl move status$/), /there: +1 of 1/)
    await moved.run(next(/^plexctl move end/))
    assert.match(await web.run('plexd status'), /https:\/\/new\.example\.com:8443/)
  })
})

/** Gives the commands of a guide in their order; each has to be the one that is meant. */
function createReader(commands: string[]): (what: RegExp) => string {
  return (what) => {
    const command = commands.shift() ?? ''
    assert.match(command, what)
    return command
  }
}

const untilOnline = (machine: Machine): Promise<void> =>
  untilShown(machine, 'plexctl node list', /web .*online/)

async function untilShown({ name, run }: Machine, command: string, shown: RegExp): Promise<void> {
  const isShown = async (): Promise<boolean> => shown.test(await run(command))
  await until(`${command} on ${name} shows ${shown}`, isShown, 60_000, 500)
}
