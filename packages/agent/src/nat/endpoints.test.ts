import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type EndpointReport, type EndpointResponse, parseCidr } from '@plexd/protocol'
import { createProblems } from '../health/problems.ts'
import { type DesiredState, emptyDesiredState } from '../state/desired-state.ts'
import { aPeer } from '../testing/peer.ts'
import type { DiscoveredEndpoint } from './discovery-rounds.ts'
import { createEndpoints } from './endpoints.ts'

const found: DiscoveredEndpoint = {
  public_endpoint: '10.100.0.1:51820',
  nat_type: 'none',
  nat_reason: '',
  stun_server: '',
  way: 'rewrite',
  way_reason: '',
  local_endpoints: ['192.168.1.2:51820', '10.100.7.1:51820', '127.0.0.1:51820'],
  checked_at: '',
}

const db = aPeer('n_db')
const moved = { ...db, endpoint: '198.51.100.7:51820' }
const whereDbIs = { peer_endpoints: [{ peer_id: db.id, endpoint: moved.endpoint }] }

/** With a control plane that answers so. */
function setUp(answer: (body: EndpointReport) => Partial<EndpointResponse>) {
  const problems = createProblems()
  const world = { state: { ...emptyDesiredState, peers: [db] }, hasFolded: false }
  let saved: string | undefined
  const open = () =>
    createEndpoints({
      mark: {
        read: () => saved,
        write(value) {
          saved = value
        },
      },
      desired: {
        current: () => world.state,
        async replace(next: DesiredState) {
          world.state = { ...next, peers: [...next.peers] }
        },
      } as never, // no more is asked for
      meshRanges: () => [parseCidr('10.100.0.0/16')],
      problems,
    })
  const receiver = {
    client: {
      async putEndpoint({ body }: { body: EndpointReport }) {
        return { status: 200, headers: {}, body: { peer_endpoints: [], ...answer(body) } }
      },
    },
    nodeId: 'n_web',
    changes: {
      watch: () => ({
        hasFolded: () => world.hasFolded,
        isOvertaken: () => false,
        [Symbol.dispose]() {},
      }),
    },
  }
  return { endpoints: open(), open, receiver, world, problems }
}

describe('a report of the endpoint', () => {
  it('tells whether this node or a peer is elsewhere than at the one before', async () => {
    let answer: Partial<EndpointResponse> = {}
    const { endpoints, receiver } = setUp(() => answer)
    const report = (change: Partial<DiscoveredEndpoint> = {}) =>
      endpoints.report({ ...found, ...change }, receiver)

    assert.equal(await report(), true)
    assert.equal(await report({ checked_at: '2025-01-15T10:31:00Z' }), false)
    assert.equal(await report({ nat_type: 'symmetric' }), true)
    assert.equal(await report({ nat_type: 'symmetric', local_endpoints: [] }), true)
    answer = whereDbIs
    assert.equal(await report({ nat_type: 'symmetric', local_endpoints: [] }), true)
    assert.equal(await report({ nat_type: 'symmetric', local_endpoints: [] }), false)
  })

  it('leaves out endpoints at which this node cannot be reached', async () => {
    const sent: EndpointReport[] = []
    const { endpoints, receiver } = setUp((body) => {
      sent.push(body)
      return {}
    })

    await endpoints.report(found, receiver)

    assert.deepEqual(sent, [
      {
        public_endpoint: '',
        nat_type: 'none',
        local_endpoints: ['192.168.1.2:51820', '10.100.7.1:51820'],
      },
    ])
  })

  it('shows an endpoint that the control plane refuses as a problem until it is accepted', async () => {
    let left_out: string[] | undefined = ['local_endpoints[0] "192.168.1.2:51820": it is odd']
    const { endpoints, receiver, problems } = setUp(() => (left_out ? { left_out } : {}))
    await endpoints.report(found, receiver)
    assert.deepEqual(problems.list(), [`the control plane has not taken ${left_out[0]}`])
    left_out = undefined
    await endpoints.report(found, receiver)
    assert.deepEqual(problems.list(), [])
  })

  it('is answered with the endpoints of the peers', async () => {
    const { endpoints, receiver, world } = setUp(() => whereDbIs)
    await endpoints.report(found, receiver)
    assert.deepEqual(world.state.peers, [moved])
  })

  it('ignores an answer that is older than an event', async () => {
    const { endpoints, receiver, world } = setUp(() => whereDbIs)
    world.hasFolded = true
    await endpoints.report(found, receiver)
    assert.deepEqual(world.state.peers, [db])
  })

  it('is remembered after a restart, even if it did not arrive', async () => {
    const { endpoints, open, receiver } = setUp(() => {
      throw new Error('no route to the control plane')
    })
    assert.equal(endpoints.own(), undefined)
    await assert.rejects(endpoints.report(found, receiver), /no route/)
    assert.deepEqual(endpoints.own(), found)
    assert.deepEqual(open().own(), found)
  })
})

describe('the peers with the endpoints chosen for them', () => {
  it('are the same objects if nothing changes', () => {
    const { endpoints } = setUp(() => ({}))
    assert.equal(endpoints.placed([db], {})[0], db)
  })

  it('have their local endpoint if they are in the same network', async () => {
    const { endpoints, receiver } = setUp(() => ({}))
    await endpoints.report({ ...found, public_endpoint: '203.0.113.10:51820' }, receiver)
    const near = { ...db, local_endpoints: ['192.168.1.3:51820'] }
    const eth0 = [
      {
        address: '192.168.1.2',
        cidr: '192.168.1.2/24',
        family: 'IPv4' as const,
        internal: false,
        mac: '',
        netmask: '',
      },
    ]
    assert.equal(endpoints.placed([near], { eth0 })[0]?.endpoint, '192.168.1.3:51820')
  })
})
