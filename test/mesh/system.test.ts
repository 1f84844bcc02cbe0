import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createLab, type Lab } from '../../scripts/laboratory/lab.ts'
import { pingAll, startPing, tcpStream, untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import {
  type MeshMember,
  type MeshSystem,
  startMeshSystem,
} from '../../scripts/programs/mesh-system.ts'
import { until } from '../support/until.ts'
import { joinAll, untilMeshed, untilReaches } from './support/members.ts'

describe('a control plane and agents with a mesh', { skip: labSkip() }, () => {
  let lab: Lab
  let system: MeshSystem
  let web: MeshMember
  let db: MeshMember
  let cache: MeshMember
  before(async () => {
    lab = await createLab()
    system = await startMeshSystem(lab)
    const members = await joinAll(lab, system, ['web', 'db', 'cache'])
    ;({ web, db, cache } = members)
    await untilMeshed(Object.values(members))
  })
  after(async () => {
    await system[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  })

  it('exchange packets, and plexd peers tells so', async () => {
    await tcpStream(web.host, db.host, db.meshIp)
    assert.deepEqual(
      (await web.peers()).map(({ state }) => state),
      ['connected', 'connected'],
    )
    assert.match(await web.plexd('peers'), /connected/)
    assert.match(await web.plexd('status'), /plexd0 \(wireguard-go\), 2/)
  })

  it('calls a renamed node by its new name, itself and at its peers, and traffic does not notice', async () => {
    const running = startPing(web.host, cache.meshIp)
    const rename = async (from: string, to: string): Promise<void> => {
      await system.plexctl('node', 'rename', from, to)
      const line = new RegExp(`^${to} +${cache.nodeId} +${cache.meshIp} +connected`, 'm')
      await until('peers know', async () => line.test(await web.plexd('peers')))
      const own = `${cache.nodeId} (${to})`
      await until('it knows', async () => (await cache.plexd('status')).includes(own))
    }

    await rename('cache', 'store')
    await rename('store', 'cache')

    const { sent, received } = await running.stop()
    assert.equal(received, sent)
  })

  it('rotates a key on request, and traffic does not notice', async (t) => {
    const before = await publicKeyOf(db)
    const running = startPing(web.host, db.meshIp)

    await system.plexctl('node', 'rotate-keys', 'db')
    await until('it has another key', async () => (await publicKeyOf(db)) !== before)
    await delay(2_000)

    const { sent, received } = await running.stop()
    t.diagnostic(`lost ${sent - received} of ${sent}`)
    const peers = await web.host.exec(['wg', 'show', 'plexd0', 'peers'])
    assert.ok(peers.includes(await publicKeyOf(db)))
    assert.ok(!peers.includes(before))
    assert.ok(sent - received <= 15, `lost ${sent - received} of ${sent}`)
  })

  it('carries traffic on by itself when a host gets another address', async (t) => {
    const moved = await lab.move(db.host)
    const [fromIt, toIt] = await Promise.all([
      untilPing(moved, web.meshIp, 30_000),
      untilReaches(web, db, 30_000),
    ])
    t.diagnostic(
      `traffic resumed after ${Math.round(fromIt)} ms from it, ${Math.round(toIt)} ms to it`,
    )
    await until('the control plane knows', async () => {
      const { body } = await system.admin.getNode({ params: { node: 'db' } })
      return body.endpoint === `${moved.address}:51820`
    })
  })

  it('removes a node by force: the others change their PSKs, and their traffic does not notice', async () => {
    const before = await pskOf(web, db)
    const running = [startPing(web.host, db.meshIp), startPing(db.host, web.meshIp)]

    await system.plexctl('node', 'remove', 'cache', '--force', '--yes')
    await until(
      'nobody answers it',
      async () => (await pingAll(cache.host, [web.meshIp, db.meshIp], 500)).length === 0,
    )
    await until('both have the same new PSK', async () => {
      const psk = await pskOf(web, db)
      return psk !== before && psk === (await pskOf(db, web))
    })
    await delay(1_000)

    for (const ping of running) {
      const { sent, received } = await ping.stop()
      assert.equal(received, sent)
    }
    // A session from nothing, under the new PSK.
    await web.host.exec(['wg', 'set', 'plexd0', 'peer', await publicKeyOf(db), 'remove'])
    await untilReaches(web, db)
  })

  it('works on without its control plane, also when an agent starts again', async () => {
    await system.controlPlane.end()
    const running = startPing(web.host, db.meshIp)

    await db.agent.end('SIGKILL')
    await db.agent.start()
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
