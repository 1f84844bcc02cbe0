import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLab } from '../../scripts/laboratory/lab.ts'
import { ping, untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { startMeshSystem } from '../../scripts/programs/mesh-system.ts'
import { until } from '../support/until.ts'

describe('a mesh that overlaps a network of the machine', { skip: labSkip() }, () => {
  it('is refused, shown, and brought up when the network is gone', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const lan = await lab.host('lan')
    // A network of this host, with the address that the node would get as one of its own.
    await lan.ip([
      'link add br0 type veth peer name br1',
      'address add 10.100.0.1/25 dev br0',
      'link set br0 up',
    ])
    const member = await system.join('lan', lan, { config: 'reconcile: { interval: 1s }' })

    await until('the problem is shown', async () =>
      /10\.100\.0\.(0\/16|1).*(10\.100\.0\.0\/25 dev br0|br0)/.test(await member.plexd('status')),
    )
    assert.equal(await ping(lan, '10.100.0.1'), 1)
    const links = await lan.exec(['ip', '-brief', 'link'])
    assert.doesNotMatch(links, /plexd0/)
    const tables = await lan.exec(['nft', 'list', 'tables'])
    assert.doesNotMatch(tables, /inet plexd$/m)

    await lan.ip(['link delete br0'])
    await untilPing(lan, member.meshIp)
    await until(
      'the problem is gone',
      async () => !(await member.plexd('status')).includes('refused'),
    )
    // Later it comes back: what is in force stays, and is told of.
    await lan.ip([
      'link add br0 type veth peer name br1',
      'address add 10.100.7.1/24 dev br0',
      'link set br0 up',
    ])
    await until('the problem is shown', async () =>
      (await member.plexd('status')).includes('10.100.7.0/24 dev br0'),
    )
    assert.equal(await ping(lan, member.meshIp), 1)
  })
})
