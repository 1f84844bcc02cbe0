import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '@plexd/runtime/testing'
import { pingAll, startPing, tcpStream, untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import type { MeshMember } from '../../scripts/programs/mesh-system.ts'
import { untilMeshed, untilReaches } from './support/members.ts'
import { openMesh } from './support/mesh.ts'

describe('a control plane and agents with a mesh', { skip: labSkip() }, () => {
  const mesh = openMesh(['web', 'db', 'cache'])
  before(() => untilMeshed([mesh.web, mesh.db, mesh.cache]))

  it('exchange packets, as plexd peers shows', async () => {
    await tcpStream(mesh.web.host, mesh.db.host, mesh.db.meshIp)
    assert.deepEqual(
      (await mesh.web.peers()).map(({ state }) => state),
      ['connected', 'connected'],
    )
    assert.match(await mesh.web.plexd('peers'), /connected/)
    assert.match(await mesh.web.plexd('status'), /plexd0 \(wireguard-go\), 2/)
  })

  it('show the new name of a renamed node on itself and its peers, without interrupting traffic', async () => {
    const running = startPing(mesh.web.host, mesh.cache.meshIp)
    const rename = async (from: string, to: string): Promise<void> => {
      await mesh.system.plexctl('node', 'rename', from, to)
      const line = new RegExp(`^${to} +${mesh.cache.nodeId} +${mesh.cache.meshIp} +connected`, 'm')
      await until('peers know', async () => line.test(await mesh.web.plexd('peers')))
      const own = `${mesh.cache.nodeId} (${to})`
      await until('it knows', async () => (await mesh.cache.plexd('status')).includes(own))
    }

    await rename('cache', 'store')
    await rename('store', 'cache')

    const { sent, received } = await running.stop()
    assert.equal(received, sent)
  })

  it('rotate a key on request without interrupting traffic', async (t) => {
    const before = await publicKeyOf(mesh.db)
    const running = startPing(mesh.web.host, mesh.db.meshIp)

    await mesh.system.plexctl('node', 'rotate-keys', 'db')
    await until('it has another key', async () => (await publicKeyOf(mesh.db)) !== before)
    await delay(2_000)

    const { sent, received } = await running.stop()
    t.diagnostic(`lost ${sent - received} of ${sent}`)
    const peers = await mesh.web.host.exec(['wg', 'show', 'plexd0', 'peers'])
    assert.ok(peers.includes(await publicKeyOf(mesh.db)))
    assert.ok(!peers.includes(before))
    assert.ok(sent - received <= 15, `lost ${sent - received} of ${sent}`)
  })

  it('restore traffic by themselves when a host gets another address', async (t) => {
    const moved = await mesh.lab.move(mesh.db.host)
    const [fromIt, toIt] = await Promise.all([
      untilPing(moved, mesh.web.meshIp, 30_000),
      untilReaches(mesh.web, mesh.db, 30_000),
    ])
    t.diagnostic(
      `traffic resumed after ${Math.round(fromIt)} ms from it, ${Math.round(toIt)} ms to it`,
    )
    await until('the control plane knows', async () => {
      const { body } = await mesh.system.admin.getNode({ params: { node: 'db' } })
      return body.endpoint === `${moved.address}:51820`
    })
  })

  it('replace the PSKs of the other nodes when one is removed by force, without interrupting traffic', async () => {
    const before = await pskOf(mesh.web, mesh.db)
    const running = [
      startPing(mesh.web.host, mesh.db.meshIp),
      startPing(mesh.db.host, mesh.web.meshIp),
    ]

    await mesh.system.plexctl('node', 'remove', 'cache', '--force', '--yes')
    await until(
      'nobody answers it',
      async () =>
        (await pingAll(mesh.cache.host, [mesh.web.meshIp, mesh.db.meshIp], 500)).length === 0,
    )
    await until('both have the same new PSK', async () => {
      const psk = await pskOf(mesh.web, mesh.db)
      return psk !== before && psk === (await pskOf(mesh.db, mesh.web))
    })
    await delay(1_000)

    for (const ping of running) {
      const { sent, received } = await ping.stop()
      assert.equal(received, sent)
    }
    // A session from nothing, under the new PSK.
    await mesh.web.host.exec(['wg', 'set', 'plexd0', 'peer', await publicKeyOf(mesh.db), 'remove'])
    await untilReaches(mesh.web, mesh.db)
  })

  it('keep working without the control plane, even when an agent restarts', async () => {
    await mesh.system.controlPlane.end()
    const running = startPing(mesh.web.host, mesh.db.meshIp)

    await mesh.db.agent.end('SIGKILL')
    await mesh.db.agent.start()
    await delay(1_000)

    const { sent, received } = await running.stop()
    assert.equal(received, sent)
  })
})

async function publicKeyOf({ host }: MeshMember): Promise<string> {
  return (await host.exec(['wg', 'show', 'plexd0', 'public-key'])).trim()
}

/** The PSK that a node has with another. */
async function pskOf({ host }: MeshMember, peer: MeshMember): Promise<string | undefined> {
  const lines = (await host.exec(['wg', 'show', 'plexd0', 'preshared-keys'])).split('\n')
  const key = await publicKeyOf(peer)
  return lines.find((line) => line.startsWith(key))?.split('\t')[1]
}
