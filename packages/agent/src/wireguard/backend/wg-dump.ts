import { copyOf, rememberPeers } from './known-peers.ts'
import type { WgInterface, WgPeer } from './wg-interface.ts'

/** Parses `wg show INTERFACE dump`: a line for the interface, then one per peer, columns separated by tabs. */
export function parseDump(text: string, parsePeers = rememberPeers(parsePeer)): WgInterface {
  const [head = '', ...lines] = text.trimEnd().split('\n')
  const [privateKey = '', , listenPort, mark = 'off'] = columnsOf(head, 4)
  return {
    private_key: unlessNone(privateKey),
    listen_port: Number(listenPort),
    fwmark: mark === 'off' ? 0 : Number(mark),
    peers: parsePeers(lines),
  }
}

/** Of a line of `parseDump`. */
export function parsePeer(line: string): WgPeer {
  const [publicKey = '', psk = '', endpoint = '', allowedIps = '', handshake, rx, tx, keepalive] =
    columnsOf(copyOf(line), 8)
  return {
    public_key: publicKey,
    psk: unlessNone(psk),
    endpoint: unlessNone(endpoint),
    allowed_ips: allowedIps === '(none)' ? [] : allowedIps.split(','),
    keepalive_seconds: keepalive === 'off' ? 0 : Number(keepalive),
    handshake_at: Number(handshake),
    rx_bytes: Number(rx),
    tx_bytes: Number(tx),
  }
}

/** The error quotes no column, because some hold keys. */
function columnsOf(line: string, count: number): string[] {
  const columns = line.split('\t')
  if (columns.length === count) return columns
  throw new Error(`parse dump: a line has ${columns.length} columns, want ${count}`)
}

function unlessNone(column: string): string {
  return column === '(none)' ? '' : column
}
