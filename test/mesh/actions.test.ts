import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { createLab } from '../../scripts/laboratory/lab.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { type MeshMember, startMeshSystem } from '../../scripts/programs/mesh-system.ts'
import { joinAll, untilReaches } from './support/members.ts'

describe('the actions that are about the mesh', { skip: labSkip() }, () => {
  it('ask a peer, trace the way to it, and shake hands again', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, db } = await joinAll(lab, system, ['web', 'db'])
    await untilReaches(web, db)

    for (const local of [[], ['--local']]) {
      const pinged = await run(web, 'diagnostics.ping_peer', ['peer_id=db', 'count=5'], local)
      assert.partialDeepStrictEqual(pinged, {
        peer_id: db.nodeId,
        mesh_ip: db.meshIp,
        state: 'connected',
        sent: 5,
        received: 5,
      })
      assert.ok(pinged.rtt_ms.min > 0 && pinged.rtt_ms.max < 1_000)
      const { mesh, outside } = await run(web, 'diagnostics.traceroute_peer', ['peer_id=db'], local)
      assert.deepEqual(way(mesh), [db.meshIp])
      assert.equal(way(outside).at(-1), db.host.address)
      assert.ok(mesh.reached && outside.reached)
    }

    const before = await handshakeOf(web, db)
    const reconnected = await run(web, 'mesh.reconnect')
    assert.deepEqual(reconnected, { peers: 1, answered: 1, silent: [] })
    assert.notEqual(await handshakeOf(web, db), before)
    await untilReaches(web, db)
    await untilReaches(db, web)
  })

  it('restart plexd while the mesh carries traffic', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, db } = await joinAll(lab, system, ['web', 'db'])
    await untilReaches(web, db)

    const pinging = db.host.exec(['ping', '-q', '-i', '0.01', '-c', '800', '-W', '2', web.meshIp], {
      timeoutMs: 60_000,
    })
    const { pid } = JSON.parse(await web.plexd('status', '--json'))
    const args = ['action', 'run', 'web', 'service.restart', '--wait', '--json']
    assert.equal(JSON.parse(await system.plexctl(...args)).status, 'success')
    const after = await until('plexd again', async () => {
      const status = JSON.parse(await web.plexd('status', '--json').catch(() => '{}'))
      return status.control_plane?.stream === 'connected' && status
    })
    assert.equal(after.pid, pid)
    assert.match(await pinging, /800 packets transmitted, 800 received/)
  })
})

async function run(
  member: MeshMember,
  action: string,
  parameters: readonly string[] = [],
  flags: readonly string[] = [],
) {
  const given = parameters.flatMap((text) => ['--param', text])
  return JSON.parse(await member.plexd('actions', 'run', action, ...given, ...flags))
}

function way({ hops }: { hops: readonly { address: string }[] }): string[] {
  return hops.map(({ address }) => address)
}

async function handshakeOf(member: MeshMember, { nodeId }: MeshMember): Promise<unknown> {
  return (await member.peers()).find(({ id }) => id === nodeId)?.last_handshake_at
}
