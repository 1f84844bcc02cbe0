import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { after, before, describe, it } from 'node:test'
import type { DaemonStatus } from '@plexd/protocol'
import type { Static } from 'typebox'
import { createLab, type Lab } from '../../scripts/laboratory/lab.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { type MeshSystem, startMeshSystem } from '../../scripts/programs/mesh-system.ts'
import { until } from '../support/until.ts'

const config = `
heartbeat: { interval: 3s }
nat_traversal:
  stun_servers: [stun1.example, stun2.example, stun3.example, stun4.example, stun5.example]
`

describe('a node whose name server is silent', { skip: labSkip() }, () => {
  let lab: Lab
  let system: MeshSystem
  before(async () => {
    lab = await createLab()
    system = await startMeshSystem(lab)
  })
  after(async () => {
    await system[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  })

  it('has its stream and its heartbeats, though no STUN server can be found', async () => {
    const nameServer = '203.0.113.200'
    await lab.internet.ip([`route add blackhole ${nameServer}/32`])
    const host = await lab.host('edge')
    await writeFile(`${host.runDir}/resolv.conf`, `nameserver ${nameServer}\n`)
    // The certificate is for the name of this machine too.
    await writeFile(`${host.runDir}/hosts`, `${system.host.address} ${hostname()}\n`)
    const url = `https://${hostname()}:8443`
    const member = await system.join('edge', host, { config, url })

    const controlPlane = async () => {
      const status = JSON.parse(await member.plexd('status', '--json'))
      return (status as Static<typeof DaemonStatus>).control_plane // the shape of the status
    }
    const isConnected = async () => (await controlPlane()).stream === 'connected'
    await until('it is connected', isConnected)
    const before = (await controlPlane()).last_heartbeat_at ?? ''

    // By now it has asked for the servers, over and over.
    await system.controlPlane.end()
    await until('it is not', async () => !(await isConnected()))
    await system.controlPlane.start()

    await until('it is connected again', isConnected, 30_000)
    await until(
      'it is alive',
      async () => before < ((await controlPlane()).last_heartbeat_at ?? ''),
    )
  })
})
