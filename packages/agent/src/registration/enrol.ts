import { arch, release } from 'node:os'
import { hostnameKey, type Peer } from '@plexd/protocol'
import { ownersHere, writeFileAtomic } from '@plexd/runtime'
import { type Addresses, createAddresses } from '../control/client/addresses.ts'
import { type AnswerGate, createAnswerGate } from '../control/client/answer-gate.ts'
import { openControlClient } from '../control/client/client.ts'
import { type Identity, saveIdentity } from '../identity/identity.ts'
import { generatePrivateKey } from '../identity/keys.ts'
import { readOwnSecret } from '../identity/own-secret.ts'
import { forgetAnnouncement } from '../installation/announcement-file.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import { ensureAuthority } from './authority.ts'
import { type Registration, register } from './register.ts'
import { findBootstrapToken } from './token.ts'
import { draftPath, removeUsed } from './used-files.ts'

export interface Enrolment
  extends Omit<Registration, 'client' | 'token' | 'privateKey' | 'metadata'> {
  gate?: AnswerGate
  addresses?: Addresses
  env: NodeJS.ProcessEnv
  /** Receives the peers. */
  desired: Pick<DesiredStore, 'current' | 'replace'>
  /** Asks the person at the terminal, if there is one. */
  askToken?: () => Promise<string>
  /** Called before the identity is saved. */
  remember?: () => Promise<void>
}

/** Makes this machine a node: registers it, saves the identity, and only then removes the token file. */
export async function enrol(enrolment: Enrolment): Promise<Identity> {
  const { config, env, log, gate = createAnswerGate() } = enrolment
  const { addresses = createAddresses(config) } = enrolment
  const token = await findBootstrapToken(config, env, enrolment.askToken)
  const privateKey = await draftKey(config.dataDir)
  await forgetAnnouncement(config.dataDir)
  await ensureAuthority({ ...enrolment, addresses })
  const credentials = { bearer: () => token }
  using connection = openControlClient(config, { credentials, gate, addresses })
  const { identity: given, peers } = await register({
    ...enrolment,
    client: connection.client,
    token,
    privateKey,
    metadata: { os: 'linux', arch: goArch(), kernel: release(), ...config.nodeMetadata },
  })
  const identity = gate.hasShown() ? { ...given, marked_answers: true } : given
  await keepPeers(enrolment, peers)
  await enrolment.remember?.()
  await saveIdentity(config.dataDir, identity)
  const { node_id, mesh_ip, hostname } = identity
  log.info('registered', { node_id, mesh_ip, hostname })
  if (hostname !== hostnameKey(config.hostname))
    log.warn('the token is for another hostname, and this node has that one', {
      hostname,
      machine: config.hostname,
    })
  await removeUsed(config, log)
  return identity
}

/**
 * Peers may send to this node before its first pull, so they are stored at once. Policies are not known yet: if the
 * default is to allow, peers have to wait for those.
 */
async function keepPeers({ config, desired }: Enrolment, peers: readonly Peer[]): Promise<void> {
  if (config.policyDefault === 'deny')
    await desired.replace({ ...desired.current(), peers, revision: '' })
}

/**
 * The private key to register with. It is stored before it is used: after a crash the same key is sent again, and the
 * control plane accepts the one-time token again with the same key.
 */
async function draftKey(dataDir: string): Promise<string> {
  const path = draftPath(dataDir)
  const saved = readOwnSecret(path, ownersHere(dataDir))?.trim() ?? ''
  if (Buffer.from(saved, 'base64').length === 32) return saved
  const key = generatePrivateKey()
  await writeFileAtomic(path, `${key}\n`)
  return key
}

/** This machine's architecture, as Go and the artifact paths name it. */
function goArch(): string {
  return arch() === 'x64' ? 'amd64' : arch()
}
