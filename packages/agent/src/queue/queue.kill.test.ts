import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { silentLog } from '@plexd/runtime'
import { saidUntilKilled } from '../testing/said-until-killed.ts'
import { openQueue } from './queue.ts'

/** PLEXD_KILL_ROUNDS=1000 for the long run. */
const rounds = Number(process.env.PLEXD_KILL_ROUNDS ?? 4)

it(`loses nothing acknowledged and brings nothing back over ${rounds} kill -9`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-kill-'))
  try {
    const must = new Set<string>()
    for (let round = 0; round < rounds; round++) {
      const { added, adding, removed, removing } = await writeUntilKilled(folder, String(round))
      for (const name of added) must.add(name)
      for (const name of removed) must.delete(name)
      const found = await namesIn(folder)
      const isOpen = new Set([...adding, ...removing])
      const lost = [...must].filter((name) => !found.includes(name) && !isOpen.has(name))
      const extra = found.filter((name) => !must.has(name) && !isOpen.has(name))
      assert.deepEqual(
        { lost, extra, repeated: found.length - new Set(found).size },
        { lost: [], extra: [], repeated: 0 },
      )
      // What was in the middle of being written or removed: as the next run finds it.
      must.clear()
      for (const name of found) must.add(name)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

type Said = Partial<Record<'adding' | 'added' | 'removing' | 'removed', string[]>>

/** What the program said that it did, and what it was about to do when it was killed. */
async function writeUntilKilled(folder: string, run: string) {
  const program = fileURLToPath(new URL('./testing/queue-writer.ts', import.meta.url))
  const lines = await saidUntilKilled<Said>(program, folder, run)
  const all = (kind: keyof Said) => lines.flatMap((line) => line[kind] ?? [])
  const [added, removed] = [all('added'), all('removed')]
  const without = (some: string[], others: string[]) => {
    const set = new Set(others)
    return some.filter((name) => !set.has(name))
  }
  return {
    added,
    removed,
    adding: without(all('adding'), added),
    removing: without(all('removing'), removed),
  }
}

async function namesIn(folder: string): Promise<string[]> {
  await using queue = await openQueue<string>(folder, {
    name: 'things',
    isItem: (value) => typeof value === 'string',
    limit: { bytes: 1e9 },
    whenFull: 'refuse newest',
    log: silentLog,
    onDamage: () => assert.fail('damaged'),
  })
  const items = await queue.read({ items: 1e9, bytes: 1e9 })
  return items.map(({ value }) => `${value.split(' ')[0]}/${value.length}`)
}
