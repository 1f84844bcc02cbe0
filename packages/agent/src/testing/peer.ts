import type { Peer } from '@plexd/protocol'
import { newPeer, type WgPeer } from '../wireguard/backend/wg-interface.ts'

/** A peer whose address and keys follow from a number. */
export function aPeer(id: string, number = 1): Peer {
  return {
    id,
    public_key: Buffer.alloc(32, number).toString('base64'),
    mesh_ip: `10.100.1.${number}`,
    endpoint: '203.0.113.10:51820',
    allowed_ips: [`10.100.1.${number}/32`],
    psk: Buffer.alloc(32, number + 100).toString('base64'),
  }
}

/** As an interface has it that was told of its key alone. */
export function wgPeer(public_key: string, changes: Partial<WgPeer> = {}): WgPeer {
  return { ...newPeer(public_key), ...changes }
}
