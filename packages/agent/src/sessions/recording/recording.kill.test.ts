import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { saidUntilKilled } from '../../testing/said-until-killed.ts'
import { openRecordingsIn } from './testing/open-recordings.ts'

/** PLEXD_KILL_ROUNDS=1000 for the long run. */
const rounds = Number(process.env.PLEXD_KILL_ROUNDS ?? 4)

it(`keeps every chunk that was acknowledged, each once, over ${rounds} kill -9`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-kill-'))
  try {
    const program = fileURLToPath(new URL('./testing/recording-writer.ts', import.meta.url))
    for (let round = 0; round < rounds; round++) {
      const session = `ses_${round}`
      const acknowledged = await saidUntilKilled<number>(program, folder, session)
      const found = await chunksIn(folder, session)
      const lost = acknowledged.filter((index) => !found.includes(index))
      assert.deepEqual([lost, found.length - new Set(found).size], [[], 0])
      // In their order, without a gap: what was not acknowledged is missing at the end alone.
      assert.deepEqual(found, [...found.keys()])
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

async function chunksIn(folder: string, session: string): Promise<number[]> {
  await using queue = await openRecordingsIn(folder)
  const items = await queue.read({ items: 1e9, bytes: 1e9 })
  return items.flatMap(({ value }) => (value.session_id === session ? [value.index] : []))
}
