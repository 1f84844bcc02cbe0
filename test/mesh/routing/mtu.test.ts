import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { createLab } from '../../../scripts/laboratory/lab.ts'
import { tcpStream } from '../../../scripts/laboratory/probes.ts'
import { labSkip } from '../../../scripts/laboratory/requirements.ts'
import { startMeshSystem } from '../../../scripts/programs/mesh-system.ts'
import { joinAll, untilReaches } from '../support/members.ts'

/** A path that takes no more than 1,360 bytes, and tells nobody. */
const narrow = `table inet narrow {
  chain forward {
    type filter hook forward priority 0;
    udp dport 51820 meta length > 1360 drop
  }
}
`

describe('a path that silently drops large packets', { skip: labSkip() }, () => {
  it('is reported with the setting to use, and with "mesh.mtu" connections do not hang', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    await lab.internet.exec(['nft', '-f', '-'], { input: narrow })
    const { web, db } = await joinAll(lab, system, ['web', 'db'])
    await untilReaches(web, db)
    await until('plexd says so', async () =>
      (await web.plexd('status')).includes('set "mesh.mtu: 1280" in the config'),
    )

    const config = 'mesh: { mtu: 1280 }'
    const small = await joinAll(lab, system, ['small', 'other'], () => ({ config }))
    await untilReaches(small.small, small.other)
    const link = await small.small.host.exec(['ip', 'link', 'show', 'plexd0'])
    assert.match(link, /mtu 1280/)
    await tcpStream(small.small.host, small.other.host, small.other.meshIp)
  })
})
