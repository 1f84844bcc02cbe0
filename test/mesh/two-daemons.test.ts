import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { kernelState, settle } from './support/members.ts'
import { openMesh } from './support/mesh.ts'

describe('a second agent in one network namespace', { skip: labSkip() }, () => {
  const mesh = openMesh(['web', 'db'])
  before(async () => {
    await untilPing(mesh.web.host, mesh.db.meshIp)
    await settle(mesh.web)
  })

  for (const [what, config, words] of [
    ['wants the same interface', '', /interface .*plexd0.* belongs to another plexd/],
    [
      'wants another one, and the same packet filter',
      'mesh: { interface: plexd1, listen_port: 51821 }\n',
      /the table .*inet plexd.* of this network namespace belongs to another plexd/,
    ],
  ] as const)
    it(`does not start where it ${what}, and the first one is as it was`, async () => {
      const before = await kernelState(mesh.web)
      await assert.rejects(mesh.system.join('second', mesh.web.host, { config }), words)
      assert.equal(await kernelState(mesh.web), before)
      await untilPing(mesh.db.host, mesh.web.meshIp)
    })

  it("has no mesh if its range is the first agent's, says so, and does not affect the first", async () => {
    await settle(mesh.web)
    const before = await kernelState(mesh.web)
    const second = await mesh.system.join('second', mesh.web.host, {
      config: 'mesh: { interface: plexd1, listen_port: 51821 }\npolicy: { enabled: false }\n',
    })
    const said = /its range 10\.100\.0\.0\/16 overlaps .* another plexd .* "plexd0": leave one/
    await until('it is said', async () => said.test(await second.plexd('status')))
    await untilPing(mesh.db.host, mesh.web.meshIp)

    await second.agent.end()
    await second.plexd('deregister', '--purge')
    assert.doesNotMatch(await mesh.web.host.exec(['ip', 'link']), /plexd1/)
    await until('the first is as it was', async () => (await kernelState(mesh.web)) === before)
    await untilPing(mesh.db.host, mesh.web.meshIp)
  })
})
