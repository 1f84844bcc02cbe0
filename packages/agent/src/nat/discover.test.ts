import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { type DiscoverOptions, startDiscovery } from './discover.ts'
import type { DiscoveredEndpoint } from './discovery-rounds.ts'
import type { Interfaces } from './local-addresses.ts'

const server = { address: '198.51.100.1', port: 3478 }

describe('discovery', () => {
  it('reports where the node can be reached, at start and at each refresh', async () => {
    const { clock, reported, discovery } = start({})
    await clock.advance(1)
    assert.deepEqual(reported, [
      {
        public_endpoint: '203.0.113.1:51820',
        nat_type: 'port_restricted',
        nat_reason: 'as seen',
        stun_server: '198.51.100.1:3478',
        way: 'rewrite',
        way_reason: 'it works',
        local_endpoints: ['192.168.1.2:51820'],
        checked_at: '2025-01-15T10:30:00.000Z',
      },
    ])
    await clock.advance(60_000)
    assert.equal(reported.length, 2)
    await discovery[Symbol.asyncDispose]()
    assert.equal(clock.sleepers(), 0)
  })

  it('looks again at once when the addresses of the host change, over a new port, and measures anew', async () => {
    const { clock, reported, world, discovery } = start({})
    await clock.advance(1)
    world.address = '10.0.0.7'
    world.seen = '203.0.113.9'
    await clock.advance(2_000)
    assert.equal(reported.at(-1)?.public_endpoint, '203.0.113.9:51820')
    assert.deepEqual(reported.at(-1)?.local_endpoints, ['10.0.0.7:51820'])
    assert.deepEqual(world.log, ['open', 'measure', 'close', 'open', 'measure'])
    await discovery[Symbol.asyncDispose]()
    assert.equal(world.log.at(-1), 'close')
  })

  it('ignores the mesh interface when it comes and goes', async () => {
    const { clock, reported, world, discovery } = start({})
    await clock.advance(1)
    world.mesh = '10.100.1.2'
    await clock.advance(10_000)
    assert.equal(reported.length, 1)
    await discovery[Symbol.asyncDispose]()
  })

  it('measures the NAT once, again when the public address changes, and each hour', async () => {
    const { clock, world, discovery } = start({})
    await clock.advance(10 * 60_000)
    world.seen = '203.0.113.9'
    await clock.advance(10 * 60_000)
    assert.equal(world.log.filter((line) => line === 'measure').length, 2)
    await clock.advance(60 * 60_000)
    assert.equal(world.log.filter((line) => line === 'measure').length, 3)
    await discovery[Symbol.asyncDispose]()
  })

  it('retries soon while no server answers, and reports what it knows', async () => {
    const { clock, reported, world, discovery } = start({ seen: '' })
    await clock.advance(1)
    assert.equal(reported.at(-1)?.public_endpoint, '')
    assert.deepEqual(reported.at(-1)?.local_endpoints, ['192.168.1.2:51820'])
    world.seen = '203.0.113.1'
    await clock.advance(3_000)
    assert.equal(reported.at(-1)?.public_endpoint, '203.0.113.1:51820')
    await discovery[Symbol.asyncDispose]()
  })

  it('keeps the last endpoint while servers are silent, and says so when asked', async () => {
    const { clock, reported, world, discovery } = start({})
    await clock.advance(1)
    world.seen = ''
    const check = discovery.check()
    await clock.advance(1)
    assert.equal((await check).public_endpoint, '')
    assert.equal(reported.length, 1)
    await discovery[Symbol.asyncDispose]()
  })

  it('reports again soon if the report did not arrive', async () => {
    const { clock, reported, world, discovery } = start({ reportFails: true })
    await clock.advance(1)
    world.reportFails = false
    await clock.advance(3_000)
    assert.equal(reported.length, 1)
    await discovery[Symbol.asyncDispose]()
  })

  it('finds no endpoint if the only server is on this machine and sees a loopback address', async () => {
    const { clock, reported, discovery } = start({ seen: '127.0.0.1' })
    await clock.advance(1)
    assert.equal(reported[0]?.public_endpoint, '')
    assert.deepEqual(reported[0]?.local_endpoints, ['192.168.1.2:51820'])
    await discovery[Symbol.asyncDispose]()
  })

  it('looks again when told to', async () => {
    const { clock, reported, discovery } = start({})
    await clock.advance(1)
    discovery.refresh()
    await clock.advance(1)
    assert.equal(reported.length, 2)
    await discovery[Symbol.asyncDispose]()
  })
})

interface World {
  /** The public address; empty when no server answers. */
  seen: string
  address: string
  mesh: string | undefined
  reportFails: boolean
  log: string[]
}

function start(given: Partial<World>) {
  const clock = createFakeClock()
  const world: World = {
    seen: '203.0.113.1',
    address: '192.168.1.2',
    mesh: undefined,
    reportFails: false,
    log: [],
    ...given,
  }
  const reported: DiscoveredEndpoint[] = []
  let own: DiscoveredEndpoint | undefined
  const options: DiscoverOptions = {
    async openPort() {
      world.log.push('open')
      return {
        locate: async () =>
          world.seen === '' ? undefined : { server, mapped: { address: world.seen, port: 51_820 } },
        status: () => ({ way: 'rewrite', why: 'it works' }),
        [Symbol.asyncDispose]: async () => void world.log.push('close'),
      }
    },
    listenPort: 51_820,
    meshInterface: 'plexd0',
    resolveServers: async () => [server],
    async measure() {
      world.log.push('measure')
      return { type: 'port_restricted', reason: 'as seen' }
    },
    interfaces: () => ({
      lo: [anInterface('127.0.0.1', true)],
      eth0: [anInterface(world.address), anInterface('fe80::1')],
      ...(world.mesh && { plexd0: [anInterface(world.mesh)] }),
    }),
    own: () => own,
    async report(found) {
      own = found
      if (world.reportFails) throw new Error('no route to the control plane')
      reported.push(found)
    },
    refreshMs: 60_000,
    clock,
    log: silentLog,
    random: () => 0.5,
  }
  return { clock, world, reported, discovery: startDiscovery(options) }
}

function anInterface(address: string, internal = false): NonNullable<Interfaces[string]>[number] {
  const mac = '00:00:00:00:00:00'
  return { address, internal, netmask: '', mac, cidr: null, family: 'IPv4' }
}
