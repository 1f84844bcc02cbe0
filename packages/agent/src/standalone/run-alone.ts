import { statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { type LocalResult, type LocalRun, newId, parseDuration } from '@plexd/protocol'
import {
  CliError,
  describeError,
  exitCodes,
  type Log,
  silentLog,
  systemClock,
} from '@plexd/runtime'
import { builtins } from '../actions/builtin/index.ts'
import { createActionCatalog } from '../actions/catalog.ts'
import { type Action, ActionRefusal } from '../actions/define.ts'
import { type ActionExecutor, createActionExecutor } from '../actions/executor.ts'
import type { AgentConfig } from '../config/agent-config.ts'
import { openContainment } from '../contain/containment.ts'
import { hooksAlone } from '../hooks/hooks-alone.ts'
import { recordLocally } from './local-record.ts'
import { openOfflineNode } from './offline-node.ts'

/**
 * Runs an action in this process, without the daemon and the control plane: for when they do not answer. Recorded in the data dir
 * alone. Rejects with a CliError if the user or the action is not one for this.
 */
export async function runAlone(
  config: AgentConfig,
  run: LocalRun,
  log: Log = silentLog,
): Promise<LocalResult> {
  checkUser(config)
  checkTimeout(run.timeout)
  checkBuiltin(run.action)
  const clock = systemClock
  const node = await openOfflineNode(config)
  await using containment = await openContainment({ ...config, clock, log })
  const nodeId = (): string => node.status().node_id
  const hooks = await findHooks(config, { nodeId, runContained: containment.run })
  const actions = createActionCatalog()
  actions.replace(
    'builtin',
    alone.map((builtin) => builtin.on(node)),
  )
  actions.replace('hook', hooks)
  if (!actions.find(run.action)) throw unknown(run.action, hooks)
  await using executor = createActionExecutor({
    // The owner of the machine has switched off what others may ask for.
    config: { ...config, actionsEnabled: true },
    actions,
    outbox: { decide() {}, finish() {}, repeat: () => false, pendingCount: () => 0 },
    clock,
    log: silentLog,
  })
  return await recorded(run, { config, executor, log })
}

async function recorded(
  run: LocalRun,
  { config, executor, log }: { config: AgentConfig; executor: ActionExecutor; log: Log },
): Promise<LocalResult> {
  const { username: user } = userInfo()
  const execution_id = newId('local_execution')
  const record = (status: string): void => {
    const entry = { execution_id, action: run.action, user, status }
    recordLocally(config.dataDir, entry, { now: systemClock.now, log })
  }
  const triggered_by = { type: 'local_emergency', user_id: user }
  record('asked')
  try {
    const result = await executor.runLocal({ ...run, execution_id, triggered_by })
    record(result.status)
    return { ...result, action: run.action }
  } catch (error) {
    record(`refused: ${describeError(error)}`)
    if (!(error instanceof ActionRefusal || error instanceof RangeError)) throw error
    throw refuse(run.action, describeError(error), exitCodes.usage)
  }
}

async function findHooks(
  config: AgentConfig,
  deps: Parameters<typeof hooksAlone>[1],
): Promise<Action[]> {
  if (!config.hooksEnabled) return []
  try {
    return await hooksAlone(config, deps)
  } catch (error) {
    throw new CliError(`look at the hooks in "${config.hooksDir}": ${describeError(error)}`)
  }
}

const alone = builtins.filter(({ standsAlone }) => standsAlone)

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

function checkBuiltin(name: string): void {
  const builtin = builtins.find((each) => each.name === name)
  if (builtin && !builtin.standsAlone)
    throw refuse(name, `it needs the daemon: ${possible([])}`, exitCodes.usage)
}

function unknown(name: string, hooks: readonly Action[]): CliError {
  return refuse(name, `it is no built-in action and no hook: ${possible(hooks)}`, exitCodes.usage)
}

function possible(hooks: readonly Action[]): string {
  return `possible are ${[...alone, ...hooks].map(({ name }) => name).join(', ')}`
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
