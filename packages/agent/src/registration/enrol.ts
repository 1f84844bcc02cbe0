import { rm } from 'node:fs/promises'
import { arch, release } from 'node:os'
import { join } from 'node:path'
import { type Capabilities, hostnameKey, type Peer } from '@plexd/protocol'
import { type Clock, describeError, type Log, ownersHere, writeFileAtomic } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { type AnswerGate, createAnswerGate } from '../control/answer-gate.ts'
import { openControlClient } from '../control/client.ts'
import { type Identity, saveIdentity } from '../identity/identity.ts'
import { generatePrivateKey } from '../identity/keys.ts'
import { readOwnSecret } from '../identity/own-secret.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import { register } from './register.ts'
import { findBootstrapToken } from './token.ts'

export interface Enrolment {
  config: AgentConfig
  gate?: AnswerGate
  capabilities: Capabilities
  env: NodeJS.ProcessEnv
  /** Gets the peers. */
  desired: Pick<DesiredStore, 'current' | 'replace'>
  /** Asks the person at the terminal, when there is one. */
  askToken?: () => Promise<string>
  /** Keeps what this was reached by. */
  remember?: () => Promise<void>
  giveUpAfterMs?: number
  onRetry?: (reason: string) => void
  clock: Clock
  log: Log
  signal?: AbortSignal
}

/** Makes this machine a node: registers it, saves what it was given, and only then removes the token file. */
export async function enrol(enrolment: Enrolment): Promise<Identity> {
  const { config, env, log, gate = createAnswerGate() } = enrolment
  const token = await findBootstrapToken(config, env, enrolment.askToken)
  const privateKey = await draftKey(config.dataDir)
  using connection = openControlClient(config, { credentials: { bearer: () => token }, gate })
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
  await rm(draftPath(config.dataDir), { force: true })
  const { node_id, mesh_ip, hostname } = identity
  log.info('registered', { node_id, mesh_ip, hostname })
  if (hostname !== hostnameKey(config.hostname))
    log.warn('the token is for another hostname, and this node has that one', {
      hostname,
      machine: config.hostname,
    })
  await removeTokenFile(config.tokenFile, log)
  return identity
}

/**
 * Peers speak to this node as soon as they are told where it is, which may be before its first pull: who they are is
 * known by then. Policies are not; where the filter lets through what no policy denies, peers have to wait for those.
 */
async function keepPeers({ config, desired }: Enrolment, peers: readonly Peer[]): Promise<void> {
  if (config.policyDefault === 'deny')
    await desired.replace({ ...desired.current(), peers, revision: '' })
}

/**
 * The key to register with. It is on the disk before it is sent, so that an attempt after a crash is the same request
 * to the control plane, which knows its one-time token by it.
 */
async function draftKey(dataDir: string): Promise<string> {
  const path = draftPath(dataDir)
  const saved = readOwnSecret(path, ownersHere(dataDir))?.trim() ?? ''
  if (Buffer.from(saved, 'base64').length === 32) return saved
  const key = generatePrivateKey()
  await writeFileAtomic(path, `${key}\n`)
  return key
}

export const draftPath = (dataDir: string): string => join(dataDir, 'registration-key')

/** A one-time token is of no more use, but others need not read it. */
async function removeTokenFile(path: string, log: Log): Promise<void> {
  try {
    await rm(path, { force: true })
  } catch (error) {
    log.warn('token file cannot be removed, remove it by hand', {
      file: path,
      error: describeError(error),
    })
  }
}

/** The word that Go and the artifact paths use for this machine's architecture. */
function goArch(): string {
  return arch() === 'x64' ? 'amd64' : arch()
}
