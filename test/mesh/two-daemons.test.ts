import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createLab, type Lab } from '../../scripts/laboratory/lab.ts'
import { untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import {
  type MeshMember,
  type MeshSystem,
  startMeshSystem,
} from '../../scripts/programs/mesh-system.ts'
import { until } from '../support/until.ts'
import { joinAll, kernelState, settle } from './support/members.ts'

describe('a second agent in one network namespace', { skip: labSkip() }, () => {
  let lab: Lab
  let system: MeshSystem
  let web: MeshMember
  let db: MeshMember
  before(async () => {
    lab = await createLab()
    system = await startMeshSystem(lab)
    ;({ web, db } = await joinAll(lab, system, ['web', 'db']))
    await untilPing(web.host, db.meshIp)
    await settle(web)
  })
  after(async () => {
    await system?.[Symbol.asyncDispose]()
    await lab?.[Symbol.asyncDispose]()
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
      const before = await kernelState(web)
      await assert.rejects(system.join('second', web.host, { config }), words)
      assert.equal(await kernelState(web), before)
      await untilPing(db.host, web.meshIp)
    })

  it('has no mesh where that has the range of the first, says so, and the first one is as it was', async () => {
    await settle(web)
    const before = await kernelState(web)
    const second = await system.join('second', web.host, {
      config: 'mesh: { interface: plexd1, listen_port: 51821 }\npolicy: { enabled: false }\n',
    })
    const said = /its range 10\.100\.0\.0\/16 overlaps .* another plexd .* "plexd0": leave one/
    await until('it is said', async () => said.test(await second.plexd('status')))
    await untilPing(db.host, web.meshIp)

    await second.agent.end()
    await second.plexd('deregister', '--purge')
    assert.doesNotMatch(await web.host.exec(['ip', 'link']), /plexd1/)
    await until('the first is as it was', async () => (await kernelState(web)) === before)
    await untilPing(db.host, web.meshIp)
  })
})
