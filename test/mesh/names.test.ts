import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import type { DaemonStatus } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import type { Static } from 'typebox'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { openMesh } from './support/mesh.ts'

const program = join(import.meta.dirname, 'support', 'name-server.ts')

const config = `
heartbeat: { interval: 3s }
nat_traversal:
  stun_servers: [stun1.example, stun2.example, stun3.example, stun4.example, stun5.example]
`

describe('a node and its name servers', { skip: labSkip() }, () => {
  const mesh = openMesh([])

  it('keeps its stream and its heartbeats while a silent name server resolves no STUN server', async () => {
    const nameServer = '203.0.113.200'
    await mesh.lab.internet.ip([`route add blackhole ${nameServer}/32`])
    const host = await mesh.lab.host('edge')
    await writeFile(`${host.runDir}/resolv.conf`, `nameserver ${nameServer}\n`)
    // The certificate is for the name of this machine too.
    await writeFile(`${host.runDir}/hosts`, `${mesh.system.host.address} ${hostname()}\n`)
    const url = `https://${hostname()}:8443`
    const member = await mesh.system.join('edge', host, { config, url })

    const controlPlane = async () => {
      const status = JSON.parse(await member.plexd('status', '--json'))
      return (status as Static<typeof DaemonStatus>).control_plane // the shape of the status
    }
    const isConnected = async () => (await controlPlane()).stream === 'connected'
    await until('it is connected', isConnected)
    const before = (await controlPlane()).last_heartbeat_at ?? ''

    // By now it has asked for the servers, over and over.
    await mesh.system.controlPlane.end()
    await until('it is not', async () => !(await isConnected()))
    await mesh.system.controlPlane.start()

    await until('it is connected again', isConnected, 30_000)
    await until(
      'it is alive',
      async () => before < ((await controlPlane()).last_heartbeat_at ?? ''),
    )
  })

  it('asks for a STUN server by its whole name, and completes a short one as the system does', async () => {
    const names = await mesh.lab.host('names')
    const known = { 'stun.corp.example': mesh.system.host.address }
    const server = names.spawn([process.execPath, program, names.address, JSON.stringify(known)])
    const asked: string[] = []
    createInterface(server.stdout ?? process.stdin).on('line', (line) => asked.push(line))
    await until('the name server listens', () => asked.includes('listens'))

    const host = await mesh.lab.host('office')
    await writeFile(
      `${host.runDir}/resolv.conf`,
      `search corp.example\nnameserver ${names.address}\n`,
    )
    const config = 'nat_traversal: { stun_servers: [stun.elsewhere.example, stun] }\n'
    await mesh.system.join('office', host, { config })
    await until('its endpoint is known', async () => {
      const { body } = await mesh.system.admin.getNode({ params: { node: 'office' } })
      return body.endpoint === `${host.address}:51820` && asked.includes('stun.corp.example')
    })
    assert.ok(asked.includes('stun.elsewhere.example'))
    assert.ok(!asked.includes('stun.elsewhere.example.corp.example'))
  })
})
