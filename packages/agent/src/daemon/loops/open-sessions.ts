import { resolve } from 'node:path'
import type { SessionSupport } from '@plexd/protocol'
import { createSessionAdmission } from '../../sessions/admit.ts'
import { findAccount } from '../../sessions/authorisation/accounts.ts'
import { openKnownSessions } from '../../sessions/authorisation/known-sessions.ts'
import { createTokenVerifier } from '../../sessions/authorisation/token.ts'
import type { ServerSettings } from '../../sessions/link.ts'
import { storeChunk } from '../../sessions/recording/recorded-chunk.ts'
import { createSessionReports } from '../../sessions/session-reports.ts'
import { type Sessions, startSessions } from '../../sessions/sessions.ts'
import type { Core } from '../stages/core.ts'
import type { Enrolled } from '../stages/enrolled.ts'
import type { StateWays } from './state-loops.ts'

/** As it is announced. */
export function sessionSupport(core: Pick<Core, 'config' | 'hostKey'>): SessionSupport | undefined {
  const { config, hostKey } = core
  if (!hostKey || whyNone(core) !== '') return undefined
  return { host_key: hostKey.publicKey, max_sessions: config.maxSessions }
}

/** The sessions of operators, which end with the stack. */
export async function openSessions(
  node: Enrolled,
  { signingKeys }: Pick<StateWays, 'signingKeys'>,
  stack: AsyncDisposableStack,
): Promise<Sessions> {
  const { nodeId, clock, shown } = node
  const verify = createTokenVerifier({ keys: signingKeys, nodeId, clock })
  const sessions = stack.use(
    await startSessions({
      ...node,
      known: openKnownSessions(node.database, clock),
      reports: createSessionReports(node.queues.sessions, node),
      verify,
      findAccount: (login) => findAccount(login, { clock }),
      whyNone: () => whyNone(node),
      hasMesh: () => meshOf(node) !== null,
      storeChunk: (chunk) => storeChunk(node.queues.recordings, chunk),
      serverSettings: () => serverSettings(node),
      endLeftovers: node.containment.endLeftovers,
    }),
  )
  shown.show({
    sessions: () => ({
      items: sessions.list(),
      max_sessions: node.config.maxSessions,
      reason: whyNone(node),
    }),
    admitSession: createSessionAdmission(sessions, verify),
  })
  return sessions
}

function whyNone({ config, hostKey }: Pick<Core, 'config' | 'hostKey'>): string {
  if (!config.sessionsEnabled) return 'sessions are off on this node: sessions.enabled is false'
  return hostKey ? '' : 'this node has no host key for sessions: "plexd status" tells why'
}

/** The server runs in another folder than we: paths that were given relative to ours would lead elsewhere. */
function serverSettings(node: Enrolled): ServerSettings {
  const { config, hostKey, credentials, addresses, nodeId } = node
  const { apiUrl, proxyUrl } = addresses.inUse()
  return {
    type: 'settings',
    host_key_pem: hostKey?.pem ?? '',
    mesh: meshOf(node),
    control_plane: {
      url: apiUrl,
      node_id: nodeId,
      token: credentials.bearer(),
      ...(config.caFile === undefined ? {} : { ca_file: resolve(config.caFile) }),
      ...(proxyUrl === undefined ? {} : { proxy_url: proxyUrl }),
    },
    data_dir: resolve(config.dataDir),
    log_level: config.logLevel,
  }
}

function meshOf({ mesh, identity, config }: Enrolled): ServerSettings['mesh'] {
  if (mesh.device.disabledBecause !== undefined) return null
  return { ip: identity.current().mesh_ip, port: config.sessionsPort }
}
