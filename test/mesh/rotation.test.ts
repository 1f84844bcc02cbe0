import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { generatePrivateKey, publicKeyOf } from '@plexd/agent'
import { createLab } from '../../scripts/laboratory/lab.ts'
import { startPing, untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { createMeshNode, introduce, type MeshNode } from './support/mesh-node.ts'

describe('a node that changes its key', { skip: labSkip() }, () => {
  /**
   * None, as a rule. All nodes share this machine with whatever else is being tested, so there are a few attempts.
   * Without a handover some 400 would be lost.
   */
  it('loses two packets at most of 200 a second with each peer, in each direction', async (t) => {
    await using lab = await createLab()
    const nodes = await Promise.all(
      ['db', 'web', 'cache', 'proxy'].map(async (name, index) =>
        createMeshNode(`n_${name}`, await lab.host(name), `10.100.1.${index + 1}`),
      ),
    )
    const [db, ...peers] = nodes
    if (!db) throw new Error('no node')
    await introduce(nodes)
    for (const peer of peers) await untilPing(peer.host, db.meshIp)

    const worst: number[] = []
    while (worst.length < 4 && worst.every((packets) => packets > 2)) {
      const lost = await lostDuring(() => rotate(db, peers), db, peers)
      t.diagnostic(`lost per peer, to it and from it: ${lost.join(', ')}`)
      worst.push(Math.max(...lost))
    }

    assert.ok(Math.min(...worst) <= 2, `lost with the worst peer: ${worst.join(', ')}`)
    for (const peer of peers) {
      const text = await peer.host.exec(['wg', 'show', 'plexd0', 'allowed-ips'])
      assert.match(text, new RegExp(`^${RegExp.escape(db.publicKey)}\t10.100.1.1/32$`, 'm'))
      assert.equal(text.trim().split('\n').length, peers.length)
    }
  })
})

describe('two nodes that change their keys at about the same time', { skip: labSkip() }, () => {
  it('lose packets only for as long as a handshake takes, not for as long as the slower of them takes', async (t) => {
    await using lab = await createLab()
    const [db, web] = await Promise.all(
      ['db', 'web'].map(async (name, index) =>
        createMeshNode(name, await lab.host(name), `10.100.1.${index + 1}`),
      ),
    )
    if (!db || !web) throw new Error('no nodes')
    await introduce([db, web])
    await untilPing(db.host, web.meshIp)

    const worst: number[] = []
    while (worst.length < 4 && worst.every((packets) => packets > 20)) {
      const lost = await lostDuring(() => rotateBoth(db, web), db, [web])
      t.diagnostic(`lost, to it and from it: ${lost.join(', ')}`)
      worst.push(Math.max(...lost))
    }
    assert.ok(Math.min(...worst) <= 20, `lost in one direction: ${worst.join(', ')}`)
  })
})

/** The second announces its key 300 ms after the first: when the first uses its new one, the second does not yet. */
async function rotateBoth(first: MeshNode, second: MeshNode): Promise<void> {
  const [firstKey, secondKey] = [generatePrivateKey(), generatePrivateKey()]
  const [onePsk, bothPsk] = [0, 1].map(() => randomBytes(32).toString('base64'))
  if (!onePsk || !bothPsk) throw new Error('no PSKs')
  const newFirst = { public_key: publicKeyOf(firstKey) }
  const newSecond = { public_key: publicKeyOf(secondKey) }

  await first.order({ holdPsks: true })
  await first.order({ peers: [second.asPeer({ psk: onePsk })] })
  await second.order({ peers: [first.asPeer({ ...newFirst, psk: onePsk })] })
  await delay(300)
  await second.order({ holdPsks: true })
  await second.order({ peers: [first.asPeer({ ...newFirst, psk: bothPsk })] })
  await first.order({ peers: [second.asPeer({ ...newSecond, psk: bothPsk })] })
  await delay(1_700)
  await first.order({ privateKey: firstKey, holdPsks: false })
  await delay(300)
  await second.order({ privateKey: secondKey, holdPsks: false })
}

/** As the control plane does it: peers hear of the new key first, the node uses it two seconds later. */
async function rotate(node: MeshNode, peers: readonly MeshNode[]): Promise<void> {
  const privateKey = generatePrivateKey()
  const psks = new Map(peers.map((peer) => [peer.id, randomBytes(32).toString('base64')]))
  const pskOf = ({ id }: MeshNode): { psk: string } => ({ psk: psks.get(id) ?? '' })

  await node.order({ holdPsks: true })
  await node.order({ peers: peers.map((peer) => peer.asPeer(pskOf(peer))) })
  for (const peer of peers) {
    const rotated = node.asPeer({ public_key: publicKeyOf(privateKey), ...pskOf(peer) })
    await peer.order({ peers: [...peer.peers.filter(({ id }) => id !== node.id), rotated] })
  }
  await delay(2_000)
  await node.order({ privateKey, holdPsks: false })
}

/** How many of 200 pings a second were lost, for each peer in each direction. */
async function lostDuring(
  work: () => Promise<void>,
  node: MeshNode,
  peers: readonly MeshNode[],
): Promise<number[]> {
  const pings = peers.flatMap((peer) => [
    startPing(peer.host, node.meshIp),
    startPing(node.host, peer.meshIp),
  ])
  await delay(500)
  await work()
  await delay(1_000)
  const results = await Promise.all(pings.map((ping) => ping.stop()))
  return results.map(({ sent, received }) => sent - received)
}
