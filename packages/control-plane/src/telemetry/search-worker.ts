import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { describeError, systemClock } from '@plexd/runtime'
import {
  type PackSearch,
  type PackToSearch,
  type PlainSearch,
  searchPacks,
  searchPartitions,
} from './search.ts'
import type { FoundRecord } from './store.ts'

/** The thread of searcher.ts: searches files of partitions that another thread writes, or packs that it has read. */
export type SearchTask = { number: number } & (SearchWork | { end: true })

export type SearchWork =
  | { query: PlainSearch; paths: readonly string[] }
  | { query: PackSearch; packs: readonly PackToSearch[] }

export type SearchAnswer =
  | ({ number: number } & ({ records: FoundRecord[] } | { failure: string }))
  | { damaged: string | undefined; reason: string }

/** Between two looks at what else is asked. */
const sliceMs = 10

const databases = new Map<string, DatabaseSync>()
const running = new Set<number>()

parentPort?.on('message', (task: SearchTask) => {
  if ('end' in task) running.delete(task.number)
  else void run(task)
})

async function run(task: Exclude<SearchTask, { end: true }>): Promise<void> {
  const { number } = task
  if (running.size === 0) closeRemoved()
  running.add(number)
  const pause = createPause(number)
  try {
    const records = await ('packs' in task
      ? searchPacks(task.packs, task.query, { pause, onDamage: tellDamagedPack })
      : searchPartitions(task.paths.flatMap(open), task.query, { pause, onDamage: tellDamage }))
    answer({ number, records })
  } catch (error) {
    answer({ number, failure: describeError(error) })
  } finally {
    running.delete(number)
  }
}

function answer(message: SearchAnswer): void {
  parentPort?.postMessage(message)
}

function tellDamage(damaged: DatabaseSync, reason: string): void {
  for (const [path, database] of databases)
    if (database === damaged) answer({ damaged: path, reason })
}

function tellDamagedPack(reason: string): void {
  answer({ damaged: undefined, reason })
}

function createPause(number: number): () => Promise<void> {
  let sliceEndMs = systemClock.monotonic() + sliceMs
  return async () => {
    if (systemClock.monotonic() < sliceEndMs) return
    await turn()
    sliceEndMs = systemClock.monotonic() + sliceMs
    if (!running.has(number)) throw new Error('nobody waits for the search')
  }
}

/** Not while a search reads, which may be in one of them. */
function closeRemoved(): void {
  for (const [path, database] of databases)
    if (!existsSync(path)) {
      databases.delete(path)
      database.close()
    }
}

/** None if it was removed meanwhile. */
function open(path: string): DatabaseSync[] {
  const known = databases.get(path)
  if (known) return [known]
  if (!existsSync(path)) return []
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 })
  databases.set(path, database)
  return [database]
}
