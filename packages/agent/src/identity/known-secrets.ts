import type { Peer } from '@plexd/protocol'
import type { AgentConfig } from '../config/agent-config.ts'
import { type Identity, keysOf } from './identity.ts'

/** All secrets in the daemon's memory, so that no output of an action has one. Pure. */
export function knownSecrets({
  config,
  identity,
  peers,
  env = {},
}: {
  config: Pick<AgentConfig, 'tokenValue' | 'tokenEnv' | 'proxyUrl'>
  identity?: Identity
  peers: readonly Pick<Peer, 'psk'>[]
  env?: NodeJS.ProcessEnv
}): string[] {
  const known = [
    config.tokenValue,
    env[config.tokenEnv],
    ...passwordsOf(config.proxyUrl),
    ...(identity ? secretsOf(identity) : []),
    ...peers.map(({ psk }) => psk),
  ]
  return known.flatMap((secret) => (secret ? [secret] : []))
}

function secretsOf(identity: Identity): (string | undefined)[] {
  const keys = [identity, ...(identity.former ?? [])].flatMap((each) => Object.values(keysOf(each)))
  return [...keys, identity.pending_private_key]
}

/** As it is written in the URL, and as it is sent. */
function passwordsOf(url: string | undefined): string[] {
  if (url === undefined) return []
  const { password } = new URL(url)
  return [password, decodeURIComponent(password)]
}
