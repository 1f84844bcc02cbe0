import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createLab, type Lab } from '../../scripts/laboratory/lab.ts'
import {
  pingAll,
  startPing,
  tcpStream,
  untilAllPing,
  untilPing,
} from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import {
  type MeshMember,
  type MeshSystem,
  startMeshSystem,
} from '../../scripts/programs/mesh-system.ts'

describe('a control plane and agents with a mesh', { skip: labSkip() }, () => {
  it('converges from nothing, and plexd peers tells so', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const members = await joinAll(lab, system, ['web', 'db', 'cache'])

    for (const member of members) {
      const others = members.filter((other) => other !== member)
      await untilAllPing(
        member.host,
        others.map(({ meshIp }) => meshIp),
      )
    }
    const [web, db] = members
    if (!web || !db) throw new Error('no members')
    await tcpStream(web.host, db.host, db.meshIp)
    assert.deepEqual(
      (await web.peers()).map(({ state }) => state),
      ['connected', 'connected'],
    )
    assert.match(await web.plexd('peers', '--socket', web.agent.socket), /connected/)
    assert.match(
      await web.plexd('status', '--socket', web.agent.socket),
      /plexd0 \(wireguard-go\), 2/,
    )
  })

  it('works on without its control plane, also when an agent starts again', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const [web, db] = await joinAll(lab, system, ['web', 'db'])
    if (!web || !db) throw new Error('no members')
    await untilPing(web.host, db.meshIp)
    await system.controlPlane.end()
    const running = startPing(web.host, db.meshIp)

    await db.agent.end('SIGKILL')
    await db.agent.start()
    await delay(1_000)

    const { sent, received } = await running.stop()
    assert.equal(received, sent)
  })

  it('removes a node from the mesh of all others within a second', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const [web, db] = await joinAll(lab, system, ['web', 'db'])
    if (!web || !db) throw new Error('no members')
    await untilPing(web.host, db.meshIp)

    await system.plexctl('node', 'remove', 'db', '--yes')
    await delay(1_000)

    assert.deepEqual(await pingAll(db.host, [web.meshIp], 500), [])
    assert.equal((await web.host.exec(['wg', 'show', 'plexd0', 'peers'])).trim(), '')
  })

  it('removes a node by force: the others change their PSKs, and their traffic does not notice', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const [web, db, lost] = await joinAll(lab, system, ['web', 'db', 'lost'])
    if (!web || !db || !lost) throw new Error('no members')
    for (const [from, to] of [
      [web, db],
      [db, lost],
      [lost, web],
    ] as const)
      await untilPing(from.host, to.meshIp)
    const before = await pskOf(web, db)
    const running = [startPing(web.host, db.meshIp), startPing(db.host, web.meshIp)]

    await system.plexctl('node', 'remove', 'lost', '--force', '--yes')
    await delay(1_000)
    assert.deepEqual(await pingAll(lost.host, [web.meshIp, db.meshIp], 500), [])
    await untilTrue(async () => {
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
    await untilPing(web.host, db.meshIp)
  })

  it('rotates a key on request, and traffic does not notice', async (t) => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const [web, db] = await joinAll(lab, system, ['web', 'db'])
    if (!web || !db) throw new Error('no members')
    await untilPing(web.host, db.meshIp)
    const before = await publicKeyOf(db)
    const running = startPing(web.host, db.meshIp)

    await system.plexctl('node', 'rotate-keys', 'db')
    for (let attempt = 0; attempt < 100 && (await publicKeyOf(db)) === before; attempt++) {
      await delay(100)
    }
    await delay(2_000)

    const { sent, received } = await running.stop()
    t.diagnostic(`lost ${sent - received} of ${sent}`)
    assert.notEqual(await publicKeyOf(db), before)
    const peers = (await web.host.exec(['wg', 'show', 'plexd0', 'peers'])).trim()
    assert.equal(peers, await publicKeyOf(db))
    assert.ok(sent - received <= 15, `lost ${sent - received} of ${sent}`)
  })

  it('leaves nothing behind after plexd down', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const [web, db] = await joinAll(lab, system, ['web', 'db'])
    if (!web || !db) throw new Error('no members')
    await untilPing(web.host, db.meshIp)

    const text = await web.plexd('down', '--socket', web.agent.socket)

    assert.match(text, /plexd stopped, process \d+\ninterface plexd0 removed\n/)
    assert.equal(web.agent.program().child.exitCode, 0)
    assert.doesNotMatch(await web.host.exec(['ip', 'link']), /plexd0/)
    assert.doesNotMatch(await web.host.exec(['ip', 'route']), /10\.100/)
    assert.equal(await web.host.exec(['nft', 'list', 'tables']), '')
  })
})

async function joinAll(
  lab: Lab,
  system: MeshSystem,
  names: readonly string[],
): Promise<MeshMember[]> {
  return Promise.all(names.map(async (name) => system.join(name, await lab.host(name))))
}

/** The PSK that a node has with another. */
async function pskOf({ host }: MeshMember, peer: MeshMember): Promise<string | undefined> {
  const lines = (await host.exec(['wg', 'show', 'plexd0', 'preshared-keys'])).split('\n')
  const key = await publicKeyOf(peer)
  return lines.find((line) => line.startsWith(key))?.split('\t')[1]
}

async function untilTrue(isTrue: () => Promise<boolean>, withinMs = 10_000): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`not true within ${withinMs} ms`)
    await delay(100)
  }
}

async function publicKeyOf({ host }: MeshMember): Promise<string> {
  return (await host.exec(['wg', 'show', 'plexd0', 'public-key'])).trim()
}
