import type { PeerStatus } from '@plexd/protocol'
import { formatAge, formatTable } from '@plexd/runtime'
import { show } from './local.ts'

export const runPeers = show('read peers', (client) => client.listPeers({}), formatPeers)

export function formatPeers(peers: readonly PeerStatus[], nowMs: number): string {
  if (peers.length === 0) return 'no peers\n'
  return formatTable(
    ['hostname', 'id', 'mesh ip', 'state', 'endpoint', 'handshake', 'received', 'sent', 'reason'],
    peers.map((peer) => [
      peer.hostname || '-',
      peer.id,
      peer.mesh_ip,
      peer.state,
      peer.endpoint || 'unknown',
      peer.last_handshake_at === null ? 'never' : age(peer.last_handshake_at, nowMs),
      formatBytes(peer.rx_bytes),
      formatBytes(peer.tx_bytes),
      peer.reason,
    ]),
  )
}

function age(time: string, nowMs: number): string {
  return `${formatAge(Date.parse(time), nowMs)} ago`
}

function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes === 0 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1)
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}
