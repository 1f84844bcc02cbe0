import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { createLab } from '../../../scripts/laboratory/lab.ts'
import { capture } from '../../../scripts/laboratory/probes.ts'
import { labSkip } from '../../../scripts/laboratory/requirements.ts'
import { startMeshSystem } from '../../../scripts/programs/mesh-system.ts'
import { joinAll } from '../support/members.ts'

describe('a default route', { skip: labSkip('tcpdump') }, () => {
  it('counts as a move if it has changed, but not if it is written again unchanged', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const config = 'nat_traversal: { refresh_interval: 1h }'
    const { web } = await joinAll(lab, system, ['web'], () => ({ config }))
    const [route = ''] = (await web.host.exec(['ip', 'route', 'show', 'default'])).split('\n')
    await web.plexd('doctor').catch(() => {}) // it asks STUN servers, and is done when they have answered
    await using stun = await capture(web.host, { on: 'eth0', filter: 'udp dst port 3478' })

    await web.host.ip([
      ...Array.from({ length: 3 }, () => `route replace ${route}`),
      `route delete ${route}`,
      `route add ${route}`,
      // What is put right shows that all before it was read.
      'link set plexd0 mtu 1300',
    ])
    await until('the MTU is right again', async () =>
      (await web.host.exec(['ip', 'link', 'show', 'plexd0'])).includes('mtu 1420'),
    )
    assert.deepEqual(stun.packets(), [])

    await web.host.ip([`route add ${route} metric 50`])
    await until('it asks where it is seen', async () => stun.packets().length > 0)
  })
})
