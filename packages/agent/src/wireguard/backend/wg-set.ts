import type { PeerChange, WgChange } from './wg-interface.ts'

/**
 * What is done by one `wg set`: removals, and updates without a PSK. Public keys may stand in a command line, where
 * every process of the machine can read them; private keys and PSKs must not. Empty when there is nothing to do.
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
 * What is done by one `wg addconf`, which takes PSKs from a file: additions, and updates of a PSK. It empties the allowed
 * IPs where the file has none, so `allowedIpsOf` gives those of a peer whose change does not name them.
 * Empty when there is nothing to do.
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

/** A PSK that is left out stays as it was; this is how WireGuard writes none. */
const noKey = Buffer.alloc(32).toString('base64')

function isSecret({ psk }: PeerChange): boolean {
  return psk !== undefined
}
