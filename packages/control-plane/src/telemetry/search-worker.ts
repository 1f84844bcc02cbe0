import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { describeError, systemClock } from '@plexd/runtime'
import { type PlainSearch, searchPartitions } from './search.ts'
import type { FoundRecord } from './store.ts'

/** The thread of searcher.ts: searches files of partitions that another thread writes. */
export type SearchTask = { number: number } & (
  | { query: PlainSearch; paths: readonly string[] }
  | { end: true }
)

export type SearchAnswer =
  | ({ number: number } & ({ records: FoundRecord[] } | { failure: string }))
  | { damaged: string; reason: string }

/** Between two looks at what else is asked. */
const sliceMs = 10

const databases = new Map<string, DatabaseSync>()
const running = new Set<number>()

parentPort?.on('message', (task: SearchTask) => {
  if ('end' in task) running.delete(task.number)
  else void run(task)
})

async function run({ number, query, paths }: Exclude<SearchTask, { end: true }>): Promise<void> {
  if (running.size === 0) closeRemoved()
  running.add(number)
  try {
    const records = await searchPartitions(paths.flatMap(open), query, {
      pause: createPause(number),
      onDamage: tellDamage,
    })
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
