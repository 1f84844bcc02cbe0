import type { PeerChange, WgChange } from './wg-interface.ts'

/**
 * The arguments of `wg set`, for removals and updates without a PSK; empty if there is nothing to do. Every process can read
 * command lines, so private keys and PSKs must not be in one.
 */
export function wgSetArgs(
  { listen_port, fwmark, peers }: WgChange,
  privateKeyFile?: string,
): string[] {
  return [
    ...(privateKeyFile === undefined ? [] : ['private-key', privateKeyFile]),
    ...(listen_port === undefined ? [] : ['listen-port', `${listen_port}`]),
    ...(fwmark === undefined ? [] : ['fwmark', `${fwmark}`]),
    ...peers.filter((peer) => !isSecret(peer)).flatMap(argsOf),
  ]
}

function argsOf(change: PeerChange): string[] {
  const { type, public_key, endpoint, allowed_ips, keepalive_seconds } = change
  if (type === 'remove') return ['peer', public_key, 'remove']
  return [
    'peer',
    public_key,
    ...(endpoint ? ['endpoint', endpoint] : []),
    ...(keepalive_seconds === undefined ? [] : ['persistent-keepalive', `${keepalive_seconds}`]),
    ...(allowed_ips ? ['allowed-ips', allowed_ips.join(',')] : []),
  ]
}

/**
 * The file for `wg addconf`, for additions and updates of a PSK; empty if there is nothing to do. It clears the allowed IPs
 * of a peer without any in the file, so `allowedIpsOf` supplies those that a change leaves out.
 */
export function wgAddConf(
  { peers }: WgChange,
  allowedIpsOf: (publicKey: string) => readonly string[],
): string {
  return peers
    .filter(isSecret)
    .map((peer) => sectionOf(peer, peer.allowed_ips ?? allowedIpsOf(peer.public_key)))
    .join('\n')
}

function sectionOf(change: PeerChange, allowedIps: readonly string[]): string {
  const { public_key, psk, endpoint, keepalive_seconds } = change
  return [
    '[Peer]',
    `PublicKey = ${public_key}`,
    `PresharedKey = ${psk || noKey}`,
    ...(endpoint ? [`Endpoint = ${endpoint}`] : []),
    ...(keepalive_seconds === undefined ? [] : [`PersistentKeepalive = ${keepalive_seconds}`]),
    ...(allowedIps.length === 0 ? [] : [`AllowedIPs = ${allowedIps.join(', ')}`]),
    '',
  ].join('\n')
}

/** How WireGuard writes no PSK; one that is left out stays as it was. */
const noKey = Buffer.alloc(32).toString('base64')

function isSecret({ psk }: PeerChange): boolean {
  return psk !== undefined
}
