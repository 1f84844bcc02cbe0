import type { PeerChange, WgChange, WgInterface, WgPeer } from './wg-interface.ts'

/**
 * The text protocol of userspace WireGuard (wireguard.com/xplatform): lines of `key=value`, keys in hex, an operation
 * and its answer each closed by an empty line. An order is carried out line by line, so what follows a bad line is not.
 */

export const getRequest = 'get=1\n\n'

export function setRequest(change: WgChange): string {
  const lines = ['set=1']
  if (change.private_key !== undefined) lines.push(`private_key=${toHex(change.private_key)}`)
  if (change.listen_port !== undefined) lines.push(`listen_port=${change.listen_port}`)
  for (const peer of change.peers) lines.push(...linesOf(peer))
  return `${lines.join('\n')}\n\n`
}

function linesOf(change: PeerChange): string[] {
  const { type, public_key, psk, endpoint, allowed_ips, keepalive_seconds } = change
  const lines = [`public_key=${toHex(public_key)}`]
  if (type === 'remove') return [...lines, 'remove=true']
  // A peer that somebody has just removed must not come back without the rest of its settings.
  if (type === 'update') lines.push('update_only=true')
  if (psk !== undefined) lines.push(`preshared_key=${psk === '' ? zeroKey : toHex(psk)}`)
  if (endpoint) lines.push(`endpoint=${endpoint}`)
  if (keepalive_seconds !== undefined) {
    lines.push(`persistent_keepalive_interval=${keepalive_seconds}`)
  }
  if (allowed_ips) {
    lines.push('replace_allowed_ips=true', ...allowed_ips.map((cidr) => `allowed_ip=${cidr}`))
  }
  return lines
}

/** Reads the answer to a get. Throws when it is an error. */
export function parseGetAnswer(text: string): WgInterface {
  checkAnswer(text)
  const found = { private_key: '', listen_port: 0, peers: [] as MutablePeer[] }
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    const value = line.slice(at + 1)
    switch (line.slice(0, at)) {
      case 'private_key':
        found.private_key = fromHex(value)
        break
      case 'listen_port':
        found.listen_port = Number(value)
        break
      case 'public_key':
        found.peers.push(emptyPeer(fromHex(value)))
        break
      default:
        readPeerLine(found.peers.at(-1), line.slice(0, at), value)
    }
  }
  return found
}

type MutablePeer = { -readonly [K in keyof WgPeer]: WgPeer[K] } & { allowed_ips: string[] }

function emptyPeer(publicKey: string): MutablePeer {
  return {
    public_key: publicKey,
    psk: '',
    endpoint: '',
    allowed_ips: [],
    keepalive_seconds: 0,
    handshake_at: 0,
    rx_bytes: 0,
    tx_bytes: 0,
  }
}

function readPeerLine(peer: MutablePeer | undefined, name: string, value: string): void {
  if (!peer) return
  if (name === 'preshared_key') peer.psk = value === zeroKey ? '' : fromHex(value)
  else if (name === 'endpoint') peer.endpoint = value
  else if (name === 'allowed_ip') peer.allowed_ips.push(value)
  else if (Object.hasOwn(numbers, name)) peer[numbers[name as keyof typeof numbers]] = Number(value)
}

const numbers = {
  persistent_keepalive_interval: 'keepalive_seconds',
  last_handshake_time_sec: 'handshake_at',
  rx_bytes: 'rx_bytes',
  tx_bytes: 'tx_bytes',
} as const

/** Throws unless the answer ends with `errno=0`. */
export function checkAnswer(text: string): void {
  const [, errno] = /(?:^|\n)errno=(-?\d+)\n\n$/.exec(text) ?? []
  if (errno === undefined) throw new Error('answer was cut off')
  if (errno !== '0') throw new UapiError(Math.abs(Number(errno)))
}

/** WireGuard refused an order; lines before the refused one have been carried out. */
export class UapiError extends Error {
  /** As in errno.h. */
  readonly errno: number

  constructor(errno: number) {
    super(reasons[errno] ?? `error ${errno}`)
    this.name = 'UapiError'
    this.errno = errno
  }
}

const reasons: Record<number, string> = {
  5: 'input/output error',
  22: 'invalid value',
  71: 'protocol error',
  98: 'address already in use',
}

const zeroKey = '0'.repeat(64)

function toHex(key: string): string {
  return Buffer.from(key, 'base64').toString('hex')
}

function fromHex(key: string): string {
  return key === zeroKey ? '' : Buffer.from(key, 'hex').toString('base64')
}
