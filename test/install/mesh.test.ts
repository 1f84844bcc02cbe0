import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { build, createRelease, settingsFor } from '../upgrade/support/builds.ts'
import { whyNoDebian } from './support/debian-image.ts'
import { differences, listFiles } from './support/files.ts'
import { controlName, installFleet } from './support/fleet.ts'
import {
  comesBack,
  goes,
  isFree,
  isUpgraded,
  keepsPolicy,
  restarts,
  untilOnline,
  versionOf,
} from './support/fleet-steps.ts'
import { openMachines, seen } from './support/machines.ts'
import { makePackages } from './support/packages.ts'

const names = {
  [controlName]: '203.0.113.101',
  web: '203.0.113.102',
  db: '203.0.113.103',
  cache: '203.0.113.104',
}

/** With systemd as process 1 of four machines; minutes, so only with `--all`. */
it('are a mesh of three that reboots, is upgraded under traffic, and leaves nothing', async (t) => {
  if (process.env.PLEXD_INSTALL !== 'all') return void t.skip('it takes minutes: --all')
  const why = await whyNoDebian()
  if (why !== undefined) return void t.skip(why)
  await using machines = await openMachines({ names })
  const { shared } = machines
  for (const version of ['1.0.0', '1.0.1'])
    await makePackages(version, join(shared, version), /deb$/)
  for (const version of ['1.0.2', '1.0.4'])
    await makePackages(version, join(shared, version), /^plexd\.deb$/)
  const booted = await Promise.all(Object.keys(names).map((name) => machines.boot(name)))
  const [control = assert.fail(), ...others] = booted
  const before = await Promise.all(booted.map(({ run }) => run(listFiles)))

  const release = await createRelease(join(shared, 'release'), (...args) =>
    control.run(`plexctl ${args.map((one) => one.replace(shared, seen)).join(' ')}`),
  )
  const config = settingsFor(release, '3s')
  const fleet = await installFleet(control, others, { folder: `${seen}/1.0.0`, config })
  const [web = assert.fail(), db = assert.fail(), cache = assert.fail()] = fleet.nodes

  await t.test('each reaches each, until a policy says otherwise', () =>
    keepsPolicy(fleet, web, db),
  )
  await t.test('an operator is in no sandbox', () => isFree(fleet, web))
  await t.test('service.restart is no end for systemd', () => restarts(fleet, web))
  await t.test('a reboot changes nothing', async () => {
    await Promise.all([web.reboot(), control.reboot()])
    await fleet.untilMeshed()
    await untilOnline(fleet)
  })
  await t.test('packages are upgraded under traffic', async (t) => {
    await control.run(`apt install --yes ${seen}/1.0.1/plexd-control-plane_*.deb`)
    for (const [node, other] of [
      [web, db],
      [db, cache],
      [cache, web],
    ] as const)
      await isUpgraded(t, node, other)
    await untilOnline(fleet)
  })
  await t.test('a version from the control plane goes on until a newer package comes', async () => {
    const file = join(shared, 'release/plexd')
    await copyFile(await build('1.0.3'), file)
    const checksum = await release.publish('1.0.3', file)
    const parameters = `--param version=1.0.3 --param checksum=${checksum}`
    await fleet.plexctl(`action run web service.upgrade ${parameters} --timeout 5m --wait`)
    for (const [version, runs] of [
      ['1.0.1', '1.0.3'],
      ['1.0.2', '1.0.3'],
      ['1.0.4', '1.0.4'],
    ] as const) {
      await web.run(`apt install --yes --reinstall ${seen}/${version}/plexd_*.deb`)
      assert.equal(await versionOf(web), runs, `with the package of ${version}`)
    }
  })
  await t.test('one that was taken away goes on as the same node when it is installed again', () =>
    comesBack(fleet, web, `${seen}/1.0.4`),
  )
  await t.test('they go, and leave nothing', async () => {
    for (const node of fleet.nodes) await goes(fleet, node)
    await control.run('apt remove --yes plexd-control-plane; apt purge --yes plexd-control-plane')
    for (const [at, { name, run }] of booted.entries())
      assert.deepEqual(differences(before[at] ?? '', await run(listFiles)), [], name)
  })
})
