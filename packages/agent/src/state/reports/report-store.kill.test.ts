import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { silentLog, systemClock } from '@plexd/runtime'
import { defaultConfig } from '../../config/agent-config.ts'
import { saidUntilKilled } from '../../testing/said-until-killed.ts'
import { openReportStore } from './report-store.ts'

const { limits } = defaultConfig

/** PLEXD_KILL_ROUNDS=1000 for the long run. */
const rounds = Number(process.env.PLEXD_KILL_ROUNDS ?? 4)

it(`loses nothing acknowledged and uses no version twice over ${rounds} kill -9`, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'plexd-kill-'))
  try {
    const seen = new Map<string, string>()
    const found = new Map<string, Said[]>()
    for (let round = 0; round < rounds; round++) {
      const keys = await writeUntilKilled(dataDir, String(round))
      await using store = await openReportStore({
        dataDir,
        clock: systemClock,
        log: strictLog,
        limits,
      })
      for (const [key, said] of keys) {
        for (const { put, version } of said) if (put) note(seen, key, version, put)
        const entry = store.get(key)
        if (entry) note(seen, key, entry.version, entry.payload)
        assertKept([...(found.get(key) ?? []), ...said], entry)
        // What the next run finds, as if it had been acknowledged to it.
        found.set(key, [
          entry ? { key, put: entry.payload, version: entry.version } : { key, deleted: true },
        ])
      }
    }
    assert.ok(seen.size > 0)
  } finally {
    await rm(dataDir, { recursive: true })
  }
})

interface Said {
  key: string
  putting?: string
  put?: string
  version?: number
  deleting?: boolean
  deleted?: boolean
}

/** What each writer said last, in order. */
async function writeUntilKilled(dataDir: string, run: string): Promise<Map<string, Said[]>> {
  const program = fileURLToPath(new URL('./testing/report-writer.ts', import.meta.url))
  return Map.groupBy(await saidUntilKilled<Said>(program, dataDir, run), ({ key }) => key)
}

/** The store holds what was acknowledged last, or what was in the middle of being written after it. */
function assertKept(
  said: readonly Said[],
  entry: { payload: string; version: number } | undefined,
): void {
  const acknowledged = said.findLast(({ put, deleted }) => put !== undefined || deleted)
  const begun = said.at(-1)
  if (begun?.putting !== undefined && entry?.payload === begun.putting) return
  if (begun?.deleting && entry === undefined) return
  assert.equal(entry?.payload, acknowledged?.put, `after ${JSON.stringify(said.slice(-3))}`)
  if (entry && acknowledged) assert.equal(entry.version, acknowledged.version)
}

function note(seen: Map<string, string>, key: string, version = 0, payload = ''): void {
  const id = `${key}@${version}`
  assert.equal(seen.get(id) ?? payload, payload, `version used twice: ${id}`)
  seen.set(id, payload)
}

const strictLog = {
  ...silentLog,
  warn: (message: string) => assert.fail(message),
  error: (message: string) => assert.fail(message),
}
