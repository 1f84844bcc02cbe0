import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { describe, it } from 'node:test'
import { type Peer, parseCidr } from '@plexd/protocol'
import { derivePskMaster } from '../seal/psk.ts'
import { aNode } from '../testing/node-record.ts'
import type { Fleet, NodeRecord } from './fleet.ts'
import { createFleet } from './memory/fleet-memory.ts'
import { peersJsonFor } from './peer-view.ts'

describe('the peers of a node', () => {
  it('have names that are less than a sixth of what a thousand of them take', (test) => {
    const pskMaster = derivePskMaster(createSecretKey(Buffer.alloc(32, 1)))
    const json = peersJsonFor({ fleet: aFleet(1_001), pskMaster }, someNode(1))

    const peers = JSON.parse(json.toString()) as Peer[] // of the schema, as the contract tests check
    const nameless = JSON.stringify(peers.map(({ hostname: _, ...peer }) => peer)).length
    test.diagnostic(`1,000 peers take ${json.length} bytes, and would take ${nameless} without`)
    assert.deepEqual([peers.length, peers[7]?.hostname], [1_000, 'web-0009.eu-west-1.internal'])
    assert.ok(json.length - nameless < json.length / 6, `${json.length} and ${nameless} bytes`)
  })
})

function aFleet(size: number): Fleet {
  const fleet = createFleet()
  const tenant = {
    id: 'ten_1',
    name: 'default',
    mesh_ranges: [parseCidr('10.100.0.0/16')],
    psk_epoch: 0,
  }
  fleet.apply({ type: 'tenant_put', tenant })
  const rules = [{ from: '*', to: '*', action: 'allow' as const }]
  const policy = { id: 'pol_1', tenant_id: 'ten_1', name: 'all', revision: 1, position: 1, rules }
  fleet.apply({ type: 'policy_put', policy })
  for (let no = 1; no <= size; no++) fleet.apply({ type: 'node_put', node: someNode(no) })
  return fleet
}

/** As long as those of a fleet are. */
function someNode(no: number): NodeRecord {
  return aNode(no, {
    id: `n_${String(no).padStart(16, '0')}`,
    hostname: `web-${String(no).padStart(4, '0')}.eu-west-1.internal`,
    public_key: Buffer.alloc(32, no).toString('base64'),
    endpoint: `203.0.113.${no % 250}:51820`,
    nat_type: 'full_cone',
    local_endpoints: [`192.168.1.${no % 250}:51820`],
  })
}
