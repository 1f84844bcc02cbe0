import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLab, type Lab } from '../../../scripts/laboratory/lab.ts'
import { killIn } from '../../../scripts/laboratory/namespace.ts'
import {
  capture,
  lostPings,
  startPing,
  tcpStream,
  untilAllPing,
  untilPing,
} from '../../../scripts/laboratory/probes.ts'
import { labSkip } from '../../../scripts/laboratory/requirements.ts'
import { createMeshNode, introduce, type MeshNode } from '../support/mesh-node.ts'

/** Message types of WireGuard stand in the first byte, three zeros behind it. */
const isWireguard =
  'udp port 51820 and (udp[8:4] = 0x01000000 or udp[8:4] = 0x02000000 or udp[8:4] = 0x03000000 or udp[8:4] = 0x04000000)'
const isNoise = 'arp or ip6'

describe('a mesh of real interfaces', { skip: labSkip('tcpdump') }, () => {
  it('connects two hosts, and sends only WireGuard packets outside', async () => {
    await using lab = await createLab()
    const [web, db] = await pair(lab)
    await using wireguard = await capture(lab.internet, { filter: isWireguard })
    await using other = await capture(lab.internet, {
      filter: `not (${isNoise} or (${isWireguard}))`,
    })

    await introduce([web, db])

    await untilPing(web.host, db.meshIp)
    assert.equal(await lostPings(web.host, db.meshIp), 0)
    await tcpStream(db.host, web.host, web.meshIp)
    assert.ok(wireguard.packets().length > 40)
    assert.deepEqual(other.packets(), [])
  })

  it('connects each of ten hosts to each other', async () => {
    await using lab = await createLab()
    const nodes = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const id = `n_${index}`
        return createMeshNode(id, await lab.host(id), `10.100.1.${index + 1}`)
      }),
    )

    await introduce(nodes)

    for (const node of nodes) {
      const others = nodes.filter((other) => other !== node).map(({ meshIp }) => meshIp)
      await untilAllPing(node.host, others)
    }
    const [first, last] = [nodes[0], nodes[9]]
    if (first && last) await tcpStream(first.host, last.host, last.meshIp)
  })

  it('carries traffic while the agent is dead, and the agent writes nothing when it restarts', async () => {
    await using lab = await createLab()
    const [web, db] = await pair(lab)
    await introduce([web, db])
    await untilPing(web.host, db.meshIp)
    const before = await web.host.exec(['wg', 'show', 'plexd0', 'dump'])
    const running = startPing(web.host, db.meshIp)

    await web.killProcess()
    const { corrections } = await web.order({})

    const { sent, received } = await running.stop()
    assert.deepEqual(corrections, [])
    assert.equal(received, sent)
    const after = await web.host.exec(['wg', 'show', 'plexd0', 'dump'])
    assert.equal(handshakeOf(after), handshakeOf(before))
  })

  it('starts a handshake with a returning peer, which would use its old session for 15 seconds', async () => {
    await using lab = await createLab()
    const [web, db] = await pair(lab)
    await introduce([web, db])
    await untilPing(db.host, web.meshIp)

    const { peers } = web
    await web.order({ peers: [] })
    await web.order({ peers: [...peers] })
    await untilPing(db.host, web.meshIp)

    await web.host.exec(['wg', 'set', 'plexd0', 'peer', db.publicKey, 'remove'])
    await web.nextReport()
    await untilPing(db.host, web.meshIp)
  })

  it('repairs at once what another program has changed, and reports it', async (t) => {
    await using lab = await createLab()
    const [web, db] = await pair(lab)
    await introduce([web, db])
    await untilPing(web.host, db.meshIp)

    let slowestMs = 0
    for (const [command, corrections] of [
      [`wg set plexd0 peer ${db.publicKey} remove`, ['peer_added']],
      [`wg set plexd0 peer ${db.publicKey} allowed-ips 10.100.9.9/32`, ['peer_updated']],
      ['ip route delete 10.100.0.0/16 dev plexd0 table 8293', ['interface_repaired']],
      ['ip route delete unreachable 10.100.0.0/16 table 8293', ['interface_repaired']],
      ['ip rule delete lookup 8293', ['interface_repaired']],
      ['ip route flush table 8293', ['interface_repaired', 'interface_repaired']],
      ['wg set plexd0 fwmark 0', ['interface_repaired']],
      ['ip address delete 10.100.1.1/32 dev plexd0', ['interface_repaired', 'interface_repaired']],
      ['ip link set plexd0 mtu 1280', ['interface_repaired']],
      ['ip link set plexd0 down', ['interface_repaired', 'interface_repaired']],
    ] as const) {
      const startedMs = performance.now()
      await web.host.exec(['sh', '-c', command])
      const report = await web.nextReport()
      const tookMs = performance.now() - startedMs
      assert.deepEqual(
        report.corrections.map(({ type }) => type),
        corrections,
        command,
      )
      slowestMs = Math.max(slowestMs, tookMs)
      await untilPing(web.host, db.meshIp)
    }
    t.diagnostic(`put right after ${Math.round(slowestMs)} ms at most`)
  })

  it('creates the interface again when it or wireguard-go is gone', async () => {
    await using lab = await createLab()
    const [web, db] = await pair(lab)
    await introduce([web, db])

    const losses = [
      () => web.host.exec(['ip', 'link', 'delete', 'plexd0']),
      () => killIn(web.host, 'wireguard-go'),
    ]
    for (const lose of losses) {
      await untilPing(web.host, db.meshIp)
      await lose()
      const { corrections } = await web.nextReport()
      assert.deepEqual(
        corrections.map(({ detail }) => detail),
        ['interface was missing', 'n_db was missing from the WireGuard interface'],
      )
    }
    await untilPing(web.host, db.meshIp)
  })

  it('keeps the endpoint that a peer has roamed to until the control plane has a new one', async () => {
    await using lab = await createLab()
    const [web, db] = await pair(lab)
    await introduce([web, db])
    await untilPing(web.host, db.meshIp)

    const moved = await lab.move(db.host)
    await untilPing(moved, web.meshIp)
    await untilPing(web.host, db.meshIp)
    await web.killProcess()
    assert.deepEqual((await web.order({})).corrections, [])
    assert.match(
      await web.host.exec(['wg', 'show', 'plexd0', 'endpoints']),
      new RegExp(moved.address),
    )

    const [peer] = [db.asPeer({ endpoint: `${moved.address}:51820` })]
    const { corrections } = await web.order({ peers: [peer] })
    assert.deepEqual(
      corrections.map(({ type }) => type),
      ['peer_updated'],
    )
    assert.deepEqual((await web.order({})).corrections, [])
  })
})

async function pair(lab: Lab): Promise<[MeshNode, MeshNode]> {
  return [
    createMeshNode('n_web', await lab.host('web'), '10.100.1.1'),
    createMeshNode('n_db', await lab.host('db'), '10.100.1.2'),
  ]
}

/** When the last handshake with the only peer was. */
function handshakeOf(dump: string): string | undefined {
  return dump.trim().split('\n')[1]?.split('\t')[4]
}
