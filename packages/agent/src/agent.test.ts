import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { startFakeControlPlane } from './testing/fake-control-plane.ts'
import { configFor, makeFolder, startTestAgent } from './testing/node.ts'
import { eventually } from './testing/wait.ts'

const web = {
  id: 'n_web',
  public_key: Buffer.alloc(32, 1).toString('base64'),
  mesh_ip: '10.100.1.2',
  endpoint: '203.0.113.10:51820',
  allowed_ips: ['10.100.1.2/32'],
  psk: Buffer.alloc(32, 2).toString('base64'),
}

describe('startAgent', () => {
  it('enrols, follows events and reports what it is', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const config = await configFor(plane, folder.path)
    await using node = await startTestAgent(config)

    await eventually('a stream', () => plane.openStreams() === 1)
    assert.equal(existsSync(config.tokenFile), false)
    await plane.publish('peer_added', { ...web, peer_id: 'n_web' })
    await eventually('the peer', () => node.device.peerIds().includes('n_web'))
    const [heartbeat] = plane.sent('/heartbeat')
    assert.partialDeepStrictEqual(heartbeat?.body, {
      node_id: 'n_test',
      status: 'healthy',
      mesh: { interface: 'plexd0', listen_port: 51_820 },
    })
    assert.equal(node.agent.status().control_plane.stream, 'connected')
  })
})
