import { join } from 'node:path'
import { DriftReport, IntegrityViolation, validatorOf } from '@plexd/protocol'
import type { Log } from '@plexd/runtime'
import type { Static, TSchema } from 'typebox'
import type { Limits } from '../../config/limits.ts'
import { type ExecutionNews, executionNews } from '../../control/execution-ledger.ts'
import { takeOverDriftReports } from '../../control/take-over.ts'
import type { Disk } from '../../disk/disk.ts'
import type { Problems } from '../../health/problems.ts'
import { maxViolations } from '../../hooks/violations.ts'
import { openQueue, type Queue, type QueueOptions } from '../../queue/queue.ts'
import { maxDriftReports } from '../../reconcile/drift-report.ts'
import { isRecordedChunk, type RecordedChunk } from '../../sessions/recording/recorded-chunk.ts'
import { maxSessionReports, SessionReport } from '../../sessions/session-reports.ts'

/** What the agent sends and may not lose, beside the reports of local programs, which have a store of their own. */
export interface SendQueues {
  /** Acks and results. */
  readonly executions: Queue<ExecutionNews>
  readonly drift: Queue<DriftReport>
  readonly violations: Queue<IntegrityViolation>
  readonly sessions: Queue<SessionReport>
  /** Of sessions, encrypted. */
  readonly recordings: Queue<RecordedChunk>
}

export interface OpenQueuesDeps {
  config: { dataDir: string; limits: Pick<Limits, 'queue_bytes' | 'recording_queue_bytes'> }
  database: Parameters<typeof takeOverDriftReports>[0]
  disk: Pick<Disk, 'failed' | 'onRoom'>
  problems: Pick<Problems, 'set'>
  log: Log
}

/** Opens the queues in `data_dir/queue`, which end with the stack. */
export async function openSendQueues(
  { config, database, disk, problems, log }: OpenQueuesDeps,
  stack: AsyncDisposableStack,
): Promise<SendQueues> {
  const folder = join(config.dataDir, 'queue')
  const { queue_bytes: bytes, recording_queue_bytes } = config.limits

  async function open<Item>(
    options: Pick<QueueOptions<Item>, 'name' | 'isItem' | 'limit' | 'whenFull'>,
  ): Promise<Queue<Item>> {
    const { name } = options
    const queue = stack.use(
      await openQueue<Item>(folder, {
        ...options,
        log,
        onFailure: disk.failed,
        onDamage: (places) => problems.set(`queue ${name}`, describeDamage(folder, name, places)),
      }),
    )
    stack.defer(disk.onRoom(queue.flush))
    return queue
  }

  /** Whose oldest give way. */
  function openLatest<Schema extends TSchema>(
    name: string,
    item: Schema,
    items: number,
  ): Promise<Queue<Static<Schema>>> {
    const validator = validatorOf(item)
    const isItem = (value: unknown): value is Static<Schema> => validator().Check(value)
    return open({ name, isItem, limit: { bytes, items }, whenFull: 'drop oldest' })
  }

  const queues: SendQueues = {
    executions: await open({
      name: 'executions',
      isItem: (value) => executionNews().Check(value),
      limit: { bytes },
      // They are kept in the ledger until there is room.
      whenFull: 'refuse newest',
    }),
    drift: await openLatest('drift', DriftReport, maxDriftReports),
    violations: await openLatest('violations', IntegrityViolation, maxViolations),
    sessions: await openLatest('sessions', SessionReport, maxSessionReports),
    recordings: await open({
      name: 'recordings',
      isItem: isRecordedChunk,
      limit: { bytes: recording_queue_bytes },
      // The session whose chunk it is ends: what is not recorded is not shown.
      whenFull: 'refuse newest',
    }),
  }
  await takeOverDriftReports(database, queues.drift)
  return queues
}

/** For people: the places of a queue's files that cannot be read. */
export function describeDamage(folder: string, name: string, places: number): string {
  const where = places === 1 ? 'a place' : `${places} places`
  return `what waits for the control plane is damaged in ${where} of "${join(folder, name)}", and is lost there: look at the disk, and at "dmesg"`
}
