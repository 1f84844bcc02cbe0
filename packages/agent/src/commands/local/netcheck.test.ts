import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NetworkStatus } from '@plexd/protocol'
import { formatNetwork } from './netcheck.ts'

const status: NetworkStatus = {
  public_endpoint: '203.0.113.10:40000',
  nat_type: 'symmetric',
  nat_reason: 'each destination has its own port',
  stun_server: '198.51.100.1:3478',
  way: 'rewrite',
  way_reason: 'as its counters show',
  local_endpoints: ['192.168.1.2:51820'],
  checked_at: '2025-01-15T10:30:00Z',
}

describe('plexd netcheck', () => {
  it('says what was seen, how, and what it means for peers', () => {
    assert.equal(
      formatNetwork(status),
      `public endpoint: 203.0.113.10:40000, as 198.51.100.1:3478 saw it
NAT type:        symmetric: each destination has its own port
local endpoints: 192.168.1.2:51820
asked by:        rewrite: as its counters show
for peers:       not reachable by peers behind a port-restricted or symmetric NAT
`,
    )
  })

  it('says that nobody answered', () => {
    const silent = { ...status, public_endpoint: '', stun_server: '', local_endpoints: [] }
    assert.match(formatNetwork(silent), /^public endpoint: unknown$/m)
    assert.match(formatNetwork(silent), /^local endpoints: none$/m)
  })
})
