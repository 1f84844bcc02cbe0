import { statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { type LocalResult, type LocalRun, newId, parseDuration } from '@plexd/protocol'
import { CliError, describeError, exitCodes, silentLog, systemClock } from '@plexd/runtime'
import { builtins } from '../actions/builtin/index.ts'
import { createActionCatalog } from '../actions/catalog.ts'
import { ActionRefusal } from '../actions/define.ts'
import { createActionExecutor } from '../actions/executor.ts'
import type { AgentConfig } from '../config/agent-config.ts'
import { openOfflineNode } from './offline-node.ts'

/**
 * Runs an action in this process, without the daemon and the control plane: for when they do not answer. Nothing of it is
 * recorded. Rejects with a CliError if the user or the action is not one for this.
 */
export async function runAlone(config: AgentConfig, run: LocalRun): Promise<LocalResult> {
  checkUser(config)
  checkAction(run.action)
  checkTimeout(run.timeout)
  const node = await openOfflineNode(config)
  const actions = createActionCatalog()
  actions.replace(
    'builtin',
    builtins.filter(({ standsAlone }) => standsAlone).map((builtin) => builtin.on(node)),
  )
  await using executor = createActionExecutor({
    // The owner of the machine has switched off what others may ask for.
    config: { ...config, actionsEnabled: true },
    actions,
    outbox: { decide() {}, finish() {}, repeat: () => false, pendingCount: () => 0 },
    clock: systemClock,
    log: silentLog,
  })
  const triggered_by = { type: 'local_emergency', user_id: userInfo().username }
  const request = { ...run, execution_id: newId('local_execution'), triggered_by }
  try {
    return { ...(await executor.runLocal(request)), action: run.action }
  } catch (error) {
    if (!(error instanceof ActionRefusal || error instanceof RangeError)) throw error
    throw refuse(run.action, describeError(error), exitCodes.usage)
  }
}

/** Who may read the data dir anyway. */
function checkUser({ dataDir }: AgentConfig): void {
  const uid = process.geteuid?.()
  const owner = statSync(dataDir, { throwIfNoEntry: false })?.uid
  if (uid === 0 || uid === owner) return
  throw new CliError(
    `run actions without the daemon: run this as root, or as the user of "${dataDir}"`,
    exitCodes.denied,
  )
}

function checkAction(name: string): void {
  const builtin = builtins.find((each) => each.name === name)
  if (builtin?.standsAlone) return
  const those = builtins.flatMap((each) => (each.standsAlone ? [each.name] : []))
  const why = builtin ? 'it needs the daemon' : 'it is no built-in action'
  throw refuse(name, `${why}: possible are ${those.join(', ')}`, exitCodes.usage)
}

function checkTimeout(timeout: string | undefined): void {
  if (timeout === undefined || isTimeout(timeout)) return
  throw new CliError(
    `--timeout "${timeout}": want a duration above zero, such as "30s"`,
    exitCodes.usage,
  )
}

function isTimeout(text: string): boolean {
  try {
    return parseDuration(text) > 0
  } catch {
    return false
  }
}

function refuse(action: string, why: string, code: number): CliError {
  return new CliError(`run "${action}" without the daemon: ${why}`, code)
}
