import { copyOf, rememberPeers } from './known-peers.ts'
import type { PeerChange, WgChange, WgInterface, WgPeer } from './wg-interface.ts'

/**
 * The text protocol of userspace WireGuard (wireguard.com/xplatform): lines of `key=value`, keys in hex, an operation
 * and its answer each end with an empty line. Lines are executed one by one, up to the first invalid one.
 */

export const getRequest = 'get=1\n\n'

export function setRequest(change: WgChange): string {
  const lines = ['set=1']
  if (change.private_key !== undefined) lines.push(`private_key=${toHex(change.private_key)}`)
  if (change.listen_port !== undefined) lines.push(`listen_port=${change.listen_port}`)
  if (change.fwmark !== undefined) lines.push(`fwmark=${change.fwmark}`)
  for (const peer of change.peers) lines.push(...linesOf(peer))
  return `${lines.join('\n')}\n\n`
}

function linesOf(change: PeerChange): string[] {
  const { type, public_key, psk, endpoint, allowed_ips, keepalive_seconds } = change
  const lines = [`public_key=${toHex(public_key)}`]
  if (type === 'remove') return [...lines, 'remove=true']
  // A peer that another program has just removed must not come back without its other settings.
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

/**
 * Parses the answer to a get; throws if it is an error. Splits the text into peers and searches for names in them: reading
 * line by line takes three times as long, which matters in the cold code of a starting daemon.
 */
export function parseGetAnswer(text: string, parsePeers = rememberPeers(parsePeer)): WgInterface {
  checkAnswer(text)
  // In no line is this but at its begin.
  const [first = '', ...blocks] = text.split('public_key=')
  const head = `\n${first}`
  return {
    private_key: fromHex(valueIn('private_key', head)),
    listen_port: Number(valueIn('listen_port', head)),
    fwmark: Number(valueIn('fwmark', head)),
    peers: parsePeers(blocks),
  }
}

/** Of a block of `parseGetAnswer`. */
export function parsePeer(block: string): WgPeer {
  return {
    public_key: toBase64(block.slice(0, keyHexLength)),
    psk: fromHex(valueIn('preshared_key', block)),
    endpoint: copyOf(valueIn('endpoint', block)),
    allowed_ips: block
      .split('\nallowed_ip=')
      .slice(1)
      .map((rest) => copyOf(firstLine(rest))),
    keepalive_seconds: Number(valueIn('persistent_keepalive_interval', block)),
    handshake_at: Number(valueIn('last_handshake_time_sec', block)),
    rx_bytes: Number(valueIn('rx_bytes', block)),
    tx_bytes: Number(valueIn('tx_bytes', block)),
  }
}

/** Empty if there is no such line. */
function valueIn(name: string, block: string): string {
  const start = block.indexOf(`\n${name}=`)
  return start === -1 ? '' : firstLine(block, start + name.length + 2)
}

function firstLine(text: string, from = 0): string {
  const end = text.indexOf('\n', from)
  return text.slice(from, end === -1 ? text.length : end)
}

/** Throws unless the answer ends with `errno=0`. */
export function checkAnswer(text: string): void {
  // From the end, because a thousand peers come before it.
  const last = text.slice(Math.max(0, text.lastIndexOf('errno=') - 1))
  const [, errno] = /^\n?errno=(-?\d+)\n\n$/.exec(last) ?? []
  if (errno === undefined) throw new Error('answer was cut off')
  if (errno !== '0') throw new UapiError(Math.abs(Number(errno)))
}

/** WireGuard refused a line; the lines before it have been executed. */
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

const keyHexLength = 64
const zeroKey = '0'.repeat(keyHexLength)

function toHex(key: string): string {
  return Buffer.from(key, 'base64').toString('hex')
}

function toBase64(key: string): string {
  return Buffer.from(key, 'hex').toString('base64')
}

/** A missing key is all zeros; a public key of zeros is a key, and must be written as such to be removed. */
function fromHex(key: string): string {
  return key === zeroKey ? '' : toBase64(key)
}
