import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { describeError, systemClock } from '@plexd/runtime'
import type { RecordKind } from './kinds.ts'
import { partitionNameOf } from './partitions.ts'
import { type PlainSearch, searchPartitions } from './search.ts'
import type { FoundRecord } from './store.ts'

/** The thread of searcher.ts: searches files of partitions that another thread writes. */
export type SearchTask = { number: number } & ({ query: PlainSearch } | { end: true })

export type SearchAnswer = { number: number } & ({ records: FoundRecord[] } | { failure: string })

/** Between two looks at what else is asked. */
const sliceMs = 10

const folder: string = workerData // as searcher.ts gives it
const databases = new Map<string, DatabaseSync>()
const running = new Set<number>()

parentPort?.on('message', (task: SearchTask) => {
  if ('end' in task) running.delete(task.number)
  else void run(task.number, task.query)
})

async function run(number: number, query: PlainSearch): Promise<void> {
  running.add(number)
  try {
    const records = await searchPartitions(databasesOf(query.kind), query, createPause(number))
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

function createPause(number: number): () => Promise<void> {
  let sliceEndMs = systemClock.monotonic() + sliceMs
  return async () => {
    if (systemClock.monotonic() < sliceEndMs) return
    await turn()
    sliceEndMs = systemClock.monotonic() + sliceMs
    if (!running.has(number)) throw new Error('nobody waits for the search')
  }
}

/** The partitions of a kind, the oldest first. */
function databasesOf(kind: RecordKind): DatabaseSync[] {
  for (const [path, database] of databases)
    if (!existsSync(path)) {
      databases.delete(path)
      database.close()
    }
  return readdirSync(folder)
    .flatMap((name) => ({ name, ...partitionNameOf(name) }))
    .filter((file) => file.kind === kind)
    .sort((a, b) => (a.number ?? 0) - (b.number ?? 0))
    .map(({ name }) => open(join(folder, name)))
}

function open(path: string): DatabaseSync {
  const database = databases.get(path) ?? new DatabaseSync(path, { readOnly: true, timeout: 5_000 })
  databases.set(path, database)
  return database
}
