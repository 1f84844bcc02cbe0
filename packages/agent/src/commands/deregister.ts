import { formatNode } from '@plexd/protocol'
import { CliError, confirm, exitCodes, printable, printJson } from '@plexd/runtime'
import { type AgentConfig, requireApiUrl } from '../config/agent-config.ts'
import { createAnswerGate } from '../control/client/answer-gate.ts'
import { openControlClient } from '../control/client/client.ts'
import { failureOf, isRefusal } from '../control/client/failure.ts'
import { bearerOf, type Identity, loadIdentity } from '../identity/identity.ts'
import { takeDown } from './down.ts'
import { type Flags, type Json, loadConfigFor } from './given/flags.ts'
import { checkPurge, removeFiles } from './purge.ts'

interface Options extends Json {
  purge?: boolean
  force?: boolean
  yes?: boolean
}

/** Leaves the mesh, and with `purge` deletes the data dir. A node that the control plane has removed counts as left. */
export async function runDeregister(flags: Flags, options: Options): Promise<void> {
  const { purge = false, force = false, yes = false, json = false } = options
  if (force && !purge)
    throw new CliError(
      'deregister with --force: it is for --purge alone: add that, or leave --force out',
      exitCodes.usage,
    )
  const config = await loadConfigFor(flags)
  const identity = await readIdentity(config, { purge, force })
  if (purge) checkPurge(config.dataDir)
  // Without a terminal there is no question: existing scripts do not pass a flag.
  if (process.stdin.isTTY) await confirm(process, { what: question(config, identity, purge), yes })
  const told = identity ? await leave(config, identity, force) : false
  // From here on nothing uses this identity, on either side.
  if (identity && process.getuid?.() === 0) await takeDown(config, identity)
  const kept = purge ? await removeFiles(config) : undefined
  if (!identity)
    process.stderr.write(
      'plexd: the network was left as it is, for nobody knows what of it was this node\'s: "plexd down" takes the mesh away\n',
    )
  const node_id = identity?.node_id ?? ''
  if (json) printJson({ node_id, deregistered: told, purged: purge })
  else process.stdout.write(describe(node_id, told, purge))
  if (kept !== undefined) process.stderr.write(`plexd: ${printable(kept)}\n`)
}

function question(
  { dataDir }: AgentConfig,
  identity: Identity | undefined,
  purge: boolean,
): string {
  const leaves = identity
    ? [`take node "${formatNode(identity.node_id, identity.hostname)}" out of the mesh`]
    : []
  return [...leaves, ...(purge ? [`remove all that is in "${dataDir}"`] : [])].join(' and ')
}

/** A damaged identity must not prevent its removal. */
async function readIdentity(
  config: AgentConfig,
  { purge, force }: { purge: boolean; force: boolean },
): Promise<Identity | undefined> {
  const identity = await loadIdentity(config.dataDir, config.hostname).catch((error: unknown) => {
    if (!force) throw error
    return undefined
  })
  if (identity || force) return identity
  throw new CliError(
    `no identity in "${config.dataDir}": this machine is not registered: name its data dir with --data-dir${purge ? ', or remove what else lies there with --purge --force' : ''}`,
    exitCodes.notFound,
  )
}

/** False if the control plane did not know the node, or could not be told and that does not matter. */
async function leave(config: AgentConfig, identity: Identity, force: boolean): Promise<boolean> {
  requireApiUrl(config)
  const credentials = {
    bearer: () => bearerOf(identity),
    before: () => (identity.former ?? []).map(bearerOf),
  }
  const gate = createAnswerGate({ hasShown: identity.marked_answers ?? false })
  using connection = openControlClient(config, { credentials, gate })
  try {
    await connection.client.deregister({ params: { node_id: identity.node_id } })
    return true
  } catch (error) {
    if (isRefusal(error) || force) return false
    const failure = failureOf(error, config)
    throw new CliError(
      `${failure.message}: try again, or remove the identity without telling with --purge --force`,
      failure.exitCode,
    )
  }
}

function describe(id: string, told: boolean, purge: boolean): string {
  const nodeId = printable(id)
  const left = told
    ? `node ${nodeId} deregistered\n`
    : nodeId === ''
      ? ''
      : `node ${nodeId} was not known to the control plane, or it was not reached\n`
  return left + (purge ? 'identity and state removed: "plexd join" starts over\n' : '')
}
