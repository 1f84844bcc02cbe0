import { describe, it } from 'node:test'
import { generatePrivateKey } from '@plexd/agent'
import type { Peer } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import { createLab } from '../../scripts/laboratory/lab.ts'
import { untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { createMeshNode, type MeshNode } from './support/mesh-node.ts'

const pairs = 3
const rounds = 15

type Pair = readonly [MeshNode, MeshNode]

/**
 * If both start a handshake, neither completes, or wireguard-go keeps a session for 15 s that does not work: that happened to one
 * pair in ten of those whose endpoints became known at once.
 */
describe('two nodes that learn of each other at the same moment', { skip: labSkip() }, () => {
  it('reach each other when they are told of each other, behind NATs as far as they know', async (t) => {
    const slowestMs = await slowestMeeting(async (pair) => {
      await rename(pair, 25)
      return () => introduce(pair)
    }, untilKeptAlive)
    t.diagnostic(`after ${slowestMs} ms at most`)
  })

  it('reach each other when their endpoints become known', async (t) => {
    const slowestMs = await slowestMeeting(async (pair, id) => {
      await rename(pair, 0)
      await introduce(pair, { id, endpoint: '' })
      return () => introduce(pair, { id })
    })
    t.diagnostic(`after ${slowestMs} ms at most`)
  })
})

/** Rejects if two do not reach each other before WireGuard doubts their session. */
async function slowestMeeting(
  prepare: (pair: Pair, id: string) => Promise<() => Promise<unknown>>,
  afterwards: (pair: Pair) => Promise<unknown> = async () => {},
): Promise<number> {
  await using lab = await createLab()
  const times: number[] = []
  const meetOften = async (at: number): Promise<void> => {
    const pair: Pair = [
      createMeshNode('n_web', await lab.host(`web${at}`), `10.100.${at}.1`),
      createMeshNode('n_db', await lab.host(`db${at}`), `10.100.${at}.2`),
    ]
    for (let round = 0; round < rounds; round++) {
      const meet = await prepare(pair, `n_${round}`)
      const startedMs = performance.now()
      await meet()
      const [web, db] = pair
      await Promise.all([untilPing(web.host, db.meshIp), untilPing(db.host, web.meshIp)])
      times.push(performance.now() - startedMs)
      await afterwards(pair)
    }
  }
  await Promise.all(Array.from({ length: pairs }, (_, at) => meetOften(at)))
  return Math.round(Math.max(...times))
}

/** With new keys they are strangers. */
async function rename(pair: Pair, keepaliveSeconds: number): Promise<void> {
  await Promise.all(
    pair.map((node) =>
      node.order({ privateKey: generatePrivateKey(), peers: [], keepaliveSeconds }),
    ),
  )
}

async function introduce([one, other]: Pair, changes: Partial<Peer> = {}): Promise<void> {
  await Promise.all([
    one.order({ peers: [other.asPeer(changes)] }),
    other.order({ peers: [one.asPeer(changes)] }),
  ])
}

/** The one that waited has its keepalive off for a moment. */
async function untilKeptAlive(pair: Pair): Promise<void> {
  for (const { host, id } of pair)
    await until(`${id} keeps its peer alive`, async () =>
      (await host.exec(['wg', 'show', 'plexd0', 'persistent-keepalive'])).trim().endsWith('\t25'),
    )
}
