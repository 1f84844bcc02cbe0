import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { createSimulatedSocket, filters, type SimulatedInternet } from '../testing/simulated-nat.ts'
import { measureNat } from './measure-nat.ts'
import { decideNatType } from './nat-type.ts'

const one = { first: at('198.51.100.1', 3478), second: at('198.51.100.2', 3479) }
const plain = { first: at('192.0.2.7', 3478) }
const another = { first: at('192.0.2.8', 19_302) }

describe('the type of a NAT', () => {
  for (const [kind, internet, type, reason] of [
    [
      'no NAT',
      { map: (port) => at('192.168.1.2', port), lets: filters.open },
      'none',
      '192.168.1.2:40000 is an address of this host: there is no NAT',
    ],
    [
      'a full cone',
      { lets: filters.open },
      'full_cone',
      'all servers saw 203.0.113.1:40000, and the NAT lets anybody send to it',
    ],
    [
      'a cone that filters by address',
      { lets: filters.address },
      'restricted',
      'all servers saw 203.0.113.1:40000, and the NAT lets addresses answer that were sent to',
    ],
    [
      'a cone that filters by port',
      { lets: filters.port },
      'port_restricted',
      'all servers saw 203.0.113.1:40000, and the NAT lets only the ports answer that were sent to',
    ],
    [
      'a port for each destination',
      { map: (_, to) => at('203.0.113.1', Number(to.address.split('.')[3])), lets: filters.port },
      'symmetric',
      '198.51.100.1:3478 saw 203.0.113.1:1 and 198.51.100.2:3478 saw 203.0.113.1:2: the NAT gives each destination its own port',
    ],
    [
      'a full cone, asked from two plain servers',
      { servers: [plain, another], lets: filters.open },
      'port_restricted',
      'all servers saw 203.0.113.1:40000; none could test who may answer, so the strictest is assumed',
    ],
    [
      'a full cone, asked from a server that names another address and never answers from it',
      { servers: [{ ...one, changes: false }], lets: filters.open },
      'port_restricted',
      'all servers saw 203.0.113.1:40000; none could test who may answer, so the strictest is assumed',
    ],
    [
      'a port for each destination, asked from two plain servers',
      {
        servers: [plain, another],
        map: (_, to) => at('203.0.113.1', to.port),
        lets: filters.port,
      },
      'symmetric',
      '192.0.2.7:3478 saw 203.0.113.1:3478 and 192.0.2.8:19302 saw 203.0.113.1:19302: the NAT gives each destination its own port',
    ],
    [
      'one plain server',
      { servers: [plain] },
      'unknown',
      'only 192.0.2.7:3478 answered, which saw 203.0.113.1:40000: it takes two addresses to tell',
    ],
    [
      'a network without UDP',
      { lets: filters.all },
      'unknown',
      'no STUN server answered: UDP to the internet may be blocked',
    ],
  ] satisfies [string, Partial<SimulatedInternet>, string, string][])
    it(`is ${type} with ${kind}`, async () => {
      assert.deepEqual(await measure(internet), { type, reason })
    })

  it('is not "none" if the port differs, as behind a router on the same host', async () => {
    const map = () => at('192.168.1.2', 61_000)
    assert.equal((await measure({ map })).type, 'port_restricted')
  })

  it('is found with the second server if the first is silent', async () => {
    const { type } = await measure({ servers: [plain, one] }, [at('192.0.2.99', 3478), one.first])
    assert.equal(type, 'port_restricted')
  })
})

async function measure(
  internet: Partial<SimulatedInternet>,
  servers?: { address: string; port: number }[],
) {
  const whole = {
    servers: [one],
    map: (port: number) => at('203.0.113.1', port),
    lets: filters.port,
    ...internet,
  }
  const clock = createFakeClock()
  const measuring = measureNat({
    socket: createSimulatedSocket(whole),
    servers: servers ?? whole.servers.map(({ first }) => first),
    localAddresses: ['127.0.0.1', '192.168.1.2'],
    clock,
  })
  await clock.advance(30_000)
  return decideNatType(await measuring)
}

function at(address: string, port: number) {
  return { address, port }
}
