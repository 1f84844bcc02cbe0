import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { createLab } from '../../../scripts/laboratory/lab.ts'
import { killIn } from '../../../scripts/laboratory/namespace.ts'
import { ping } from '../../../scripts/laboratory/probes.ts'
import { labSkip } from '../../../scripts/laboratory/requirements.ts'
import { type MeshMember, startMeshSystem } from '../../../scripts/programs/mesh-system.ts'
import { joinAll, untilReaches } from '../support/members.ts'

describe('an endpoint inside the mesh', { skip: labSkip() }, () => {
  it('causes no packet loop, even if it is set on the interface', async (t) => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, db } = await joinAll(lab, system, ['web', 'db'])
    await untilReaches(web, db)
    // It would put right what follows.
    web.agent.program().child.kill('SIGKILL')
    const [key = ''] = (await web.host.exec(['wg', 'show', 'plexd0', 'peers'])).split('\n')
    const leadAstray = () =>
      web.host.exec(['wg', 'set', 'plexd0', 'peer', key, 'endpoint', `${db.meshIp}:51820`])

    // Its packets are marked, and go around the mesh.
    await leadAstray()
    const before = await packetsOf(web)
    await ping(web.host, db.meshIp, { waitMs: 500 })
    const sent = (await packetsOf(web)) - before
    t.diagnostic(`with the mark ${sent} packets for one ping`)
    assert.ok(sent < 20, `${sent} packets for one ping`)

    // Without the mark there is a rule.
    await web.host.exec(['wg', 'set', 'plexd0', 'fwmark', '0'])
    await until('the rule has held some back', async () => {
      // Again: whatever the other node sends in between tells WireGuard where it really is.
      await leadAstray()
      const marked = await packetsOf(web)
      await ping(web.host, db.meshIp, { waitMs: 500 })
      assert.ok((await packetsOf(web)) - marked < 20)
      const rules = await web.host.exec(['nft', 'list', 'chain', 'inet', 'plexd', 'output'])
      return /counter packets [1-9]\d* .*"WireGuard in the mesh"/.test(rules)
    })

    // The same without all that holds it, to know that it is they.
    await killIn(web.host, 'nft')
    await until('nothing stands behind the filter', async () => !(await isBackedUp(web)))
    await web.host.exec(['nft', 'flush', 'chain', 'inet', 'plexd', 'output'])
    await until('packets go round', async () => {
      // Whatever the other node sends in between tells WireGuard where it really is.
      await leadAstray()
      await ping(web.host, db.meshIp, { waitMs: 200 })
      return (await packetsOf(web)) - before > 5_000
    })
  })
})

async function packetsOf({ host }: MeshMember): Promise<number> {
  return Number(await host.exec(['cat', '/sys/class/net/plexd0/statistics/tx_packets']))
}

async function isBackedUp({ host }: MeshMember): Promise<boolean> {
  return /plexd_backstop/.test(await host.exec(['nft', 'list', 'tables']))
}
