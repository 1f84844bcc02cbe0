import type { DatabaseSync } from 'node:sqlite'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import { watchDataDir } from '../../disk/data-dir-watch.ts'
import { openDatabase } from '../../disk/database.ts'
import { type Disk, watchDisk } from '../../disk/disk.ts'
import { keepOnDisk } from '../../disk/tables.ts'
import type { Problems } from '../../health/problems.ts'
import type { ReconcileRequests } from '../../reconcile/requests.ts'
import type { DesiredStore } from '../../state/desired-state.ts'
import { openDesiredStore } from '../../state/desired-store.ts'
import { describeLeftOut } from '../../state/left-out.ts'
import { openReportStore, type ReportStore } from '../../state/reports/report-store.ts'
import { openVersionStore, type VersionStore } from '../../upgrade/version-store.ts'
import { openSendQueues, type SendQueues } from './open-queues.ts'

/** What is in the data dir. */
export interface State {
  readonly disk: Disk
  readonly database: DatabaseSync
  readonly desired: DesiredStore
  readonly reports: ReportStore
  readonly versions: VersionStore
  readonly queues: SendQueues
}

interface StateDeps {
  problems: Problems
  requests: Pick<ReconcileRequests, 'ask'>
  clock: Clock
  log: Log
}

/** Opens the data dir. If the disk is full, data is kept in memory until there is space: a disk may fill up and recover at any time. */
export async function openState(
  config: AgentConfig,
  { problems, requests, clock, log }: StateDeps,
  stack: AsyncDisposableStack,
): Promise<State> {
  const { dataDir } = config
  const disk = stack.use(watchDisk({ dataDir, problems, clock, log }))
  const onFailure = disk.failed
  const database = stack.adopt(openDatabase(dataDir, log, onFailure), (open) => open.close())
  disk.onRoom(() => {
    try {
      keepOnDisk(database)
    } catch (error) {
      log.warn('database is still in memory alone', { error: describeError(error) })
    }
  })
  disk.look()
  stack.use(watchDataDir({ dataDir, problems, clock }))
  const desired = stack.use(await openDesiredStore({ dataDir, log, onFailure }))
  disk.onRoom(() => {
    // Notifies those who wait for the disk to recover.
    desired.replace(desired.current()).catch(() => {})
    requests.ask()
  })
  const reports = stack.use(await openReportStore({ ...config, clock, log, onFailure }))
  const queues = await openSendQueues({ config, database, disk, problems, log }, stack)
  stack.defer(showLeftOut(desired, problems))
  return { disk, database, desired, reports, queues, versions: openVersionStore(dataDir, log) }
}

/** Left-out parts of the state are a problem for as long as the state contains them. */
function showLeftOut(desired: DesiredStore, problems: Problems): () => void {
  const show = (): void =>
    problems.set('left_out', describeLeftOut(desired.current().left_out) || undefined)
  show()
  return desired.onChange(show)
}
