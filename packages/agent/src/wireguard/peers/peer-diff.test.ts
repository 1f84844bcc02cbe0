import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Peer } from '@plexd/protocol'
import fc from 'fast-check'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import type { PeerStep } from '../device/device.ts'
import { type DeviceRecord, emptyRecord } from '../device/device-record.ts'
import { completion } from '../handover/handover.ts'
import { withChanges } from '../interface/interface-cache.ts'
import { diffPeers } from './peer-diff.ts'

const nowMs = 1_736_937_000_000
const bootMs = 7_200_000

function aPeer(public_key: string, changes: Partial<Peer> = {}): Peer {
  return {
    id: 'n_db',
    public_key,
    mesh_ip: '10.100.1.2',
    endpoint: '203.0.113.7:51820',
    allowed_ips: ['10.100.1.2/32'],
    psk: 'secret',
    ...changes,
  }
}

function has(public_key: string, changes: Partial<WgPeer> = {}): WgPeer {
  const { psk, endpoint, allowed_ips } = aPeer(public_key)
  const seen = { keepalive_seconds: 0, handshake_at: nowMs / 1_000 - 30, rx_bytes: 1, tx_bytes: 1 }
  return { public_key, psk, endpoint, allowed_ips, ...seen, ...changes }
}

const recorded: DeviceRecord = {
  ...emptyRecord,
  peers: { old: { id: 'n_db', endpoint: '203.0.113.7:51820' } },
}

function diff(wanted: Peer[], actual: readonly WgPeer[], record = recorded, changes = {}) {
  const nothing = { opening: new Map(), withheld: new Map() }
  const situation = { actual, record, ...nothing, keepaliveSeconds: 0, nowMs, bootMs }
  return diffPeers(wanted, { ...situation, ...changes })
}

describe('diffPeers', () => {
  it('adds a peer, and records what the control plane said of it', () => {
    const { writes, record } = diff([aPeer('new')], [], emptyRecord)

    assert.deepEqual(writes, [
      {
        public_key: 'new',
        type: 'add',
        psk: 'secret',
        allowed_ips: ['10.100.1.2/32'],
        endpoint: '203.0.113.7:51820',
      },
    ])
    assert.deepEqual(record.peers, { new: { id: 'n_db', endpoint: '203.0.113.7:51820' } })
  })

  it('removes a peer, and forgets it', () => {
    const { writes, record } = diff([], [has('old')])

    assert.deepEqual(writes, [{ public_key: 'old', type: 'remove' }])
    assert.deepEqual(record, emptyRecord)
  })

  it('records a new endpoint also where nothing is written for it', () => {
    const { writes, record } = diff([aPeer('old', { endpoint: '' })], [has('old')])

    assert.deepEqual(writes, [])
    assert.deepEqual(record.peers, { old: { id: 'n_db', endpoint: '' } })
  })
})

describe('diffPeers, the corrections', () => {
  const web = aPeer('web', { id: 'n_web', allowed_ips: ['10.100.1.3/32'] })

  it('removes, updates and adds in this order', () => {
    const { steps, writes } = diff([web, aPeer('old', { psk: 'new' })], [has('old'), has('stray')])

    assert.deepEqual(
      steps.map(({ type }) => type),
      ['peer_removed', 'peer_updated', 'peer_added'],
    )
    assert.deepEqual(writes, [
      { public_key: 'stray', type: 'remove' },
      { public_key: 'old', type: 'update', psk: 'new' },
      {
        public_key: 'web',
        type: 'add',
        psk: 'secret',
        endpoint: '203.0.113.7:51820',
        allowed_ips: ['10.100.1.3/32'],
      },
    ])
  })

  it('have no id for a peer that somebody else has added', () => {
    const { steps } = diff([], [has('stray')])
    assert.deepEqual(steps, [{ type: 'peer_removed', peer_id: '', public_key: 'stray' }])
  })

  it('remove and add a peer that changed its key', () => {
    const { steps } = diff([aPeer('new')], [has('old')])
    assert.deepEqual(steps, [
      { type: 'peer_removed', peer_id: 'n_db', public_key: 'old' },
      { type: 'peer_added', peer: aPeer('new') },
    ])
  })

  it('are none where nothing is written', () => {
    const { steps } = diff([aPeer('old', { endpoint: '' })], [has('old')])
    assert.deepEqual(steps, [])
  })
})

describe('diffPeers of any two sets of peers', () => {
  it('writes what leads from one to the other, names exactly that, and then nothing more', () => {
    fc.assert(
      fc.property(anySet, anySet, fc.boolean(), (before, after, speaks) => {
        const first = diff(before, [], emptyRecord)
        const handshake_at = speaks ? nowMs / 1_000 - 30 : 0
        const there = written([], first.writes).map((peer) => ({ ...peer, handshake_at }))
        const next = diff(after, there, first.record)
        const rotated = next.record.handovers
        const whole = rotated.flatMap((one) => completion(one, { keepaliveSeconds: 0 }).flat())
        const result = written(written(there, next.writes), whole)

        const endpointOf = (key: string): string =>
          there.find(({ public_key }) => public_key === key)?.endpoint ?? ''
        assert.deepEqual(
          settingsOf(result),
          settingsOf(
            after.map((peer) => {
              const from = rotated.find(({ to }) => to === peer.public_key)?.from
              const found = from === undefined ? '' : endpointOf(from)
              return { ...peer, endpoint: found || peer.endpoint || endpointOf(peer.public_key) }
            }),
          ),
        )
        assert.deepEqual(
          next.steps.map(keyOf).sort(),
          [
            ...new Set([
              ...next.writes.map(({ public_key }) => public_key),
              ...rotated.map(({ from }) => from),
            ]),
          ].sort(),
        )
        const settled = { ...next.record, handovers: [] }
        const last = diff(after, result, settled)
        assert.deepEqual(last, { steps: [], writes: [], record: settled })
      }),
      { numRuns: 2_000 },
    )
  })
})

/** Nodes with keys of their own; each network behind them is one node's. */
const anySet: fc.Arbitrary<Peer[]> = fc
  .record({
    nodes: fc.uniqueArray(
      fc.record({
        node: fc.nat(4),
        key: fc.nat(2),
        psk: fc.constantFrom('one', 'two'),
        endpoint: fc.constantFrom('', '203.0.113.7:51820', '192.0.2.1:51820'),
      }),
      { selector: ({ node }) => node },
    ),
    owners: fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4)),
  })
  .map(({ nodes, owners }) =>
    nodes.map(({ node, key, psk, endpoint }) => {
      const networks = owners.flatMap((owner, at) => (owner === node ? [`10.${at}.0.0/16`] : []))
      const allowed_ips = [`10.100.1.${node}/32`, ...networks]
      return aPeer(`key ${key} of ${node}`, { id: `n_${node}`, psk, endpoint, allowed_ips })
    }),
  )

/** As the kernel does it: an allowed IP that is given to one peer is taken from another. */
function written(peers: readonly WgPeer[], writes: readonly PeerChange[]): readonly WgPeer[] {
  return writes.reduce((now, write) => {
    const given = new Set(write.allowed_ips)
    return withChanges(now, [write]).map((peer) =>
      peer.public_key === write.public_key
        ? peer
        : { ...peer, allowed_ips: peer.allowed_ips.filter((ip) => !given.has(ip)) },
    )
  }, peers)
}

function settingsOf(
  peers: readonly Pick<WgPeer, 'public_key' | 'psk' | 'endpoint' | 'allowed_ips'>[],
) {
  return new Map(
    peers.map(({ public_key, psk, endpoint, allowed_ips }) => [
      public_key,
      { psk, endpoint, allowed_ips: new Set(allowed_ips) },
    ]),
  )
}

function keyOf(step: PeerStep): string {
  return step.type === 'peer_removed' ? step.public_key : step.peer.public_key
}

describe('diffPeers with a peer behind a symmetric NAT', () => {
  const moved = aPeer('old', { endpoint: '203.0.113.7:4712', nat_type: 'symmetric' })

  it('leaves it where its packets come from while it has a session', () => {
    const { writes } = diff([moved], [has('old', { endpoint: '203.0.113.7:999' })])
    assert.deepEqual(writes, [])
  })

  it('tries the new endpoint when it has none', () => {
    const { writes } = diff([moved], [has('old', { handshake_at: 0 })])
    assert.equal(writes.find(({ type }) => type === 'add')?.endpoint, '203.0.113.7:4712')
  })
})

describe('diffPeers with a new key of a peer', () => {
  const rotation = [aPeer('new')]
  const { writes, record } = diff(rotation, [has('old', { endpoint: '198.51.100.9:4711' })])

  it('lets the old key carry on while the new one waits', () => {
    assert.deepEqual(writes, [
      {
        public_key: 'new',
        type: 'add',
        psk: 'secret',
        allowed_ips: [],
        keepalive_seconds: 25,
        endpoint: '198.51.100.9:4711',
      },
    ])
    assert.deepEqual(record.handovers, [
      {
        peer_id: 'n_db',
        from: 'old',
        to: 'new',
        allowed_ips: ['10.100.1.2/32'],
        started_ms: bootMs,
      },
    ])
    assert.deepEqual(Object.keys(record.peers), ['old', 'new'])
  })

  const waiting = [has('old'), has('new', { allowed_ips: [], keepalive_seconds: 25 })]

  it('keeps for later what the peer is to have', () => {
    const peer = aPeer('new', { allowed_ips: ['10.100.1.2/32', '10.7.0.0/24'] })

    const next = diff([peer], waiting, record)

    assert.deepEqual(next.writes, [])
    assert.deepEqual(next.record.handovers[0]?.allowed_ips, ['10.100.1.2/32', '10.7.0.0/24'])
  })

  it('opens a key that was shut when it has to be written anew', () => {
    const shut = { ...record, handovers: record.handovers.map((one) => ({ ...one, shut: true })) }
    const actual = [has('old'), has('new', { psk: 'random', allowed_ips: [] })]

    const next = diff([aPeer('new', { psk: 'fresh' })], actual, shut)

    assert.deepEqual(next.writes, [{ public_key: 'new', type: 'update', psk: 'fresh' }])
    assert.deepEqual(next.record.handovers, record.handovers)
  })

  it('writes to a new key at once what has changed after the move', () => {
    const moved = {
      ...record,
      handovers: record.handovers.map((one) => ({ ...one, moved_ms: bootMs })),
    }
    const peer = aPeer('new', { allowed_ips: ['10.100.1.2/32', '10.7.0.0/24'] })

    const next = diff([peer], [has('old', { allowed_ips: [] }), has('new')], moved)

    assert.deepEqual(next.writes, [
      { public_key: 'new', type: 'update', allowed_ips: peer.allowed_ips },
    ])
  })

  it('hands over from the new key when that is replaced right after the move', () => {
    const moved = {
      ...record,
      handovers: record.handovers.map((one) => ({ ...one, moved_ms: bootMs })),
    }

    const next = diff([aPeer('newer')], [has('old'), has('new')], moved)

    assert.deepEqual(
      next.record.handovers.map(({ from, to }) => [from, to]),
      [['new', 'newer']],
    )
  })

  it('removes both keys when the peer goes meanwhile', () => {
    const next = diff([], waiting, record)

    assert.deepEqual(next.writes, [
      { public_key: 'old', type: 'remove' },
      { public_key: 'new', type: 'remove' },
    ])
    assert.deepEqual(next.record, emptyRecord)
  })

  it('leaves a key shut that opens with the PSK that is wanted', () => {
    const shut = { ...record, handovers: record.handovers.map((one) => ({ ...one, shut: true })) }
    const actual = [has('old'), has('new', { psk: 'random', allowed_ips: [] })]
    const opening = new Map([['new', 'secret']])

    assert.deepEqual(diff([aPeer('new')], actual, shut, { opening }), {
      steps: [],
      writes: [],
      record: shut,
    })
  })

  it('keeps an old key that its node takes up again', () => {
    const next = diff([aPeer('old')], waiting, record)

    assert.deepEqual(next.writes, [{ public_key: 'new', type: 'remove' }])
    assert.deepEqual(next.record.handovers, [])
  })

  it('hands over from the oldest to the newest of three keys', () => {
    const next = diff([aPeer('newest')], waiting, record)

    assert.deepEqual(
      next.writes.map(({ public_key, type }) => [public_key, type]),
      [
        ['new', 'remove'],
        ['newest', 'add'],
      ],
    )
    assert.deepEqual(
      next.record.handovers.map(({ from, to }) => [from, to]),
      [['old', 'newest']],
    )
  })

  it('does not hand over to another node with the same address', () => {
    const other = aPeer('new', { id: 'n_web' })

    const next = diff([other], [has('old')])

    assert.deepEqual(
      next.writes.map(({ public_key, type }) => [public_key, type]),
      [
        ['old', 'remove'],
        ['new', 'add'],
      ],
    )
    assert.deepEqual(next.record.handovers, [])
  })
})
