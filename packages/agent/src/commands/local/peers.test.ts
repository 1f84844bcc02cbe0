import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PeerStatus } from '@plexd/protocol'
import { formatPeers } from './peers.ts'

const nowMs = Date.parse('2025-01-15T10:30:00Z')
const db: PeerStatus = {
  id: 'n_db',
  hostname: 'db-01',
  mesh_ip: '10.100.1.2',
  public_key: 'db',
  state: 'connected',
  reason: '',
  endpoint: '203.0.113.7:51820',
  allowed_ips: ['10.100.1.2/32'],
  last_handshake_at: '2025-01-15T10:29:00.000Z',
  rx_bytes: 1_536,
  tx_bytes: 92,
  keepalive_seconds: 25,
}

describe('formatPeers', () => {
  it('shows a peer a line, and why one is not connected', () => {
    const web: PeerStatus = {
      ...db,
      id: 'n_web',
      hostname: '',
      mesh_ip: '10.100.1.3',
      state: 'unanswered',
      reason: 'no answer',
      endpoint: '',
      last_handshake_at: null,
      rx_bytes: 0,
      tx_bytes: 5_242_880,
    }

    assert.equal(
      formatPeers([db, web], nowMs),
      `HOSTNAME  ID     MESH IP     STATE       ENDPOINT           HANDSHAKE  RECEIVED  SENT     REASON
db-01     n_db   10.100.1.2  connected   203.0.113.7:51820  60s ago    1.5 KiB   92 B
-         n_web  10.100.1.3  unanswered  unknown            never      0 B       5.0 MiB  no answer
`,
    )
  })

  it('says that there are none', () => {
    assert.equal(formatPeers([], nowMs), 'no peers\n')
  })
})
