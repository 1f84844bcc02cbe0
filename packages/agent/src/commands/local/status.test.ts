import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatStatus } from './status.ts'

const nowMs = Date.parse('2025-01-15T10:30:00Z')
const healthy: Parameters<typeof formatStatus>[0] = {
  version: '1.4.2',
  pid: 4711,
  node_id: 'n_abc123',
  hostname: 'web-01',
  mesh_ip: '10.100.1.1',
  uptime: '72h15m0s',
  control_plane: {
    url: 'https://cp.example.com',
    stream: 'connected',
    stream_connects: 1,
    last_event_id: 'a1-42',
    last_heartbeat_at: '2025-01-15T10:29:48Z',
    last_reconcile_at: '2025-01-15T10:29:30Z',
    last_error: '',
    clock_skew_seconds: 0,
  },
  revision: 'a1-42',
  mesh: {
    enabled: true,
    interface: 'plexd0',
    backend: 'kernel',
    peers: 12,
    ranges: ['10.100.0.0/16', '10.101.0.0/16'],
  },
  counts: { metadata: 2, data: 1, secrets: 3, reports: 4, reports_unsynced: 0, pending_results: 0 },
  problems: [],
}

describe('formatStatus', () => {
  it('shows one fact a line', () => {
    assert.equal(
      formatStatus(healthy, nowMs),
      `node:          n_abc123 (web-01)
mesh ip:       10.100.1.1
version:       1.4.2, up 72h15m0s
control plane: https://cp.example.com
event stream:  connected, last event a1-42
heartbeat:     12 s ago
reconciled:    30 s ago, revision a1-42
clock:         0 s from the control plane's
mesh:          plexd0 (kernel), 12 peers
mesh ranges:   10.100.0.0/16 10.101.0.0/16
holds:         2 metadata, 1 data, 3 secrets, 4 reports
waiting:       0 reports, 0 action results
problems:      none
`,
    )
  })

  it('shows which address is in use, and what is wrong with the others', () => {
    const addresses = [
      {
        url: 'https://cp1.example.com',
        in_use: false,
        last_error: 'connection refused',
        failed_at: '2025-01-15T10:29:00Z',
      },
      { url: 'https://cp.example.com', in_use: true, last_error: '', failed_at: null },
      { url: 'https://cp3.example.com', in_use: false, last_error: '', failed_at: null },
    ]
    const control_plane = { ...healthy.control_plane, addresses }
    assert.match(
      formatStatus({ ...healthy, control_plane }, nowMs),
      /^ {2}other: {7}https:\/\/cp1\.example\.com: 60 s ago: connection refused\n {2}in use: {6}https:\/\/cp\.example\.com\n {2}other: {7}https:\/\/cp3\.example\.com\n/m,
    )
  })

  it('says that the daemon is stopping', () => {
    const text = formatStatus({ ...healthy, stopping: true }, nowMs)
    assert.match(text, /^stopping: {6}once the actions that run have ended, 30 s at most$/m)
  })

  it('ends with the problems, and lets none of them drive the terminal', () => {
    const text = formatStatus({ ...healthy, problems: ['one', 'two\u001b[2J'] }, nowMs)
    assert.match(text, /problems:\n {2}- one\n {2}- two\?\[2J\n$/)
  })

  it('shows what waits in each queue, and what was lost of it', () => {
    const nothing = { items: 0, bytes: 0, dropped: 0, refused: 0 }
    const queues = [
      { name: 'executions', ...nothing, items: 2, bytes: 4_711, refused: 1 },
      { name: 'drift', ...nothing, dropped: 5 },
    ]
    assert.match(
      formatStatus({ ...healthy, queues }, nowMs),
      /^waiting: .*\n {2}executions: {2}2 queued, 4711 bytes, 1 refused by the control plane\n {2}drift: {7}0 queued, 0 bytes, 5 dropped for want of room\n/m,
    )
  })

  it('tells an interface that is not up', () => {
    const mesh = { ...healthy.mesh, backend: 'none', peers: 1 }
    assert.match(formatStatus({ ...healthy, mesh }, nowMs), /mesh: +plexd0 is not up; 1 peer known/)
  })

  it('tells a node that is not registered, and a mesh that is off', () => {
    const mesh = {
      enabled: false,
      interface: 'plexd0',
      backend: 'none',
      peers: 0,
      reason: 'switched off',
    }
    const text = formatStatus({ ...healthy, node_id: '', mesh_ip: '', mesh }, nowMs)
    assert.match(text, /node: +not registered yet\nmesh ip: +none\n/)
    assert.match(text, /mesh: +disabled: switched off; 0 peers known\n/)
  })
})
