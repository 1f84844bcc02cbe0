import assert from 'node:assert/strict'
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { LogRecord } from '@plexd/protocol'
import { exec, silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { createMemoryCollector, type MemoryCollector } from '../../testing/memory-collector.ts'
import { plainRules } from '../../testing/record-rules.ts'
import { createIntake } from '../records/intake.ts'
import { createFollower, type FollowerOptions } from './follower.ts'

describe('createFollower', () => {
  it('reads what is written from now on, and goes on after a restart', async () => {
    await using place = await createPlace()
    await place.append('app.log', 'before\nha')
    await place.start()
    await place.append('app.log', 'lf\none\ntwo\nhal')
    await place.read()
    assert.deepEqual(place.messages(), ['one', 'two'])
    await place.restart()
    await place.append('app.log', 'f\n')
    await place.read()
    assert.deepEqual(place.messages(), ['one', 'two', 'half'])
    const [record] = place.collector.entries
    assert.deepEqual([record?.source, record?.unit], ['file', place.at('app.log')])
  })

  it('waits for the end of a line, but not for ever', async () => {
    await using place = await createPlace()
    await place.start()
    await place.append('app.log', 'half')
    await place.look()
    assert.deepEqual(await place.read(), [place.at('app.log')])
    await place.clock.advance(4_000)
    await place.read()
    assert.deepEqual(place.messages(), [])
    await place.clock.advance(2_000)
    await place.read()
    assert.deepEqual(place.messages(), ['half'])
  })

  it('reads a file from its beginning that is made anew, also with the same inode', async () => {
    await using place = await createPlace()
    await place.append('app.log', '')
    await place.start()
    for (const line of ['a', 'b', 'c']) {
      await place.append('app.log', `same beginning\n${line}\n`)
      await place.read()
      await truncate(place.at('app.log'), 0)
    }
    await place.append('app.log', 'same beginning\nd and more\n')
    await place.read()
    const same = 'same beginning'
    assert.deepEqual(place.messages(), [same, 'a', same, 'b', same, 'c', same, 'd and more'])
  })

  it('says what cannot be followed', async () => {
    await using place = await createPlace({
      patterns: ['pipe', 'folder', 'gone.log', 'null', '*.txt', 'link'],
    })
    await exec(['mkfifo', place.at('pipe')])
    await mkdir(place.at('folder'))
    await symlink('/dev/null', place.at('null'))
    await place.append('target', '')
    await symlink(place.at('target'), place.at('link'))
    for (const name of ['a.txt', 'b.txt', 'c.txt', 'd.txt.gz']) await place.append(name, '')
    await place.start()
    assert.deepEqual(
      place
        .follower()
        .sources()
        .map(({ state, detail }) => `${state}: ${detail}`),
      [
        'failed: it is a named pipe, which cannot be followed',
        `failed: it is a folder: want the files in it, such as "${place.at('folder')}/*.log"`,
        'waiting: no such file yet',
        'failed: it is a device, which cannot be followed',
        'failed: 2 files; 1 more files than the 2 that are followed',
        'failed: 1 more files than the 2 that are followed',
      ],
    )
  })

  it('follows those written to last, and goes on where it was with one that is written to again', async () => {
    await using place = await createPlace({ patterns: ['*.log', 'none'] })
    const age = (name: string, seconds: number) => utimes(place.at(name), seconds, seconds)
    for (const name of ['a.log', 'b.log', 'c.log']) await place.append(name, 'before\n')
    await age('c.log', 1)
    await place.start()
    for (const [name, other] of [
      ['a.log', 'b.log'],
      ['c.log', 'a.log'],
      ['a.log', 'b.log'],
    ] as const) {
      await place.append(name, `${name}\n`)
      await age(other, 2)
      await place.look()
      await place.read()
    }
    await place.restart()
    await place.read()
    assert.deepEqual(place.messages(), ['a.log', 'c.log', 'a.log'])
  })

  it('gathers the lines of a record', async () => {
    await using place = await createPlace({ isFirst: (line) => line.startsWith('[') })
    await place.start()
    await place.append('app.log', '[1] fault\n at a\n at b\n[2] next\n')
    await place.look()
    await place.read()
    assert.deepEqual(place.messages(), ['[1] fault\n at a\n at b'])
    await place.clock.advance(1_500)
    await place.read()
    assert.deepEqual(place.messages().slice(1), ['[2] next'])
  })

  it('lets go of a removed file, after its end was read', async () => {
    await using place = await createPlace()
    await place.append('app.log', '')
    await place.start()
    await place.append('app.log', 'one\nlast')
    await rm(place.at('app.log'))
    await place.look()
    await place.read()
    await place.clock.advance(20_000)
    await place.read()
    assert.deepEqual(place.messages(), ['one', 'last'])
    assert.deepEqual(
      place.collector.sources().filter((source) => source.startsWith('file:')),
      [],
    )
  })

  it('has every line once, whatever rotates the file and whenever it is restarted', async () => {
    const runs = Number(process.env.PLEXD_ROTATION_RUNS ?? 15)
    const step = fc.constantFrom(
      'write',
      'write',
      'half',
      'rename',
      'copy',
      'truncate',
      'remove',
      'look',
      'read',
      'restart',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 40 }), fc.boolean(), rotate),
      { numRuns: runs },
    )
  })
})

type Step =
  | 'write'
  | 'half'
  | 'rename'
  | 'copy'
  | 'truncate'
  | 'remove'
  | 'look'
  | 'read'
  | 'restart'

async function rotate(steps: Step[], isGlobbed: boolean): Promise<void> {
  await using place = await createPlace({ patterns: [isGlobbed ? 'app.log*' : 'app.log'] })
  await place.append('app.log', '')
  await place.start()
  const written: string[] = []
  let count = 0
  const line = (): string => {
    written.push(`line ${count}`)
    return `line ${count++}\n`
  }
  for (const step of [...steps, 'look', 'read'] as const) {
    if (step === 'write') await place.append('app.log', line() + line())
    // Both halves, and what a reader does in between.
    else if (step === 'half') {
      const text = line()
      await place.append('app.log', text.slice(0, 3))
      await place.read()
      await place.append('app.log', text.slice(3))
    } else if (step === 'rename') {
      await place.shift()
      await rename(place.at('app.log'), place.at('app.log.1'))
      await place.append('app.log', '')
      // Nobody can know of a file that had the name between two looks.
      if (!isGlobbed) await place.look()
    } else if (step === 'copy') {
      if (!isGlobbed) {
        // Of a file of which nothing was read, the copy cannot be known.
        await place.append('app.log', line())
        await place.read()
        await place.append('app.log', line())
      }
      await place.shift()
      await copyFile(place.at('app.log'), place.at('app.log.1'))
      await truncate(place.at('app.log'), 0)
      if (!isGlobbed) await place.read()
    } else if (step === 'truncate' || step === 'remove') {
      await place.look()
      await place.read()
      if (step === 'truncate') await truncate(place.at('app.log'), 0)
      else await rm(place.at('app.log'))
      await place.append('app.log', '')
      await place.look()
    } else if (step === 'look') await place.look()
    else if (step === 'read') await place.read()
    else await place.restart()
  }
  assert.deepEqual(place.messages().toSorted(), written.toSorted())
}

interface Place extends AsyncDisposable {
  at(name: string): string
  append(name: string, text: string): Promise<void>
  /** Makes room for a new app.log.1. */
  shift(): Promise<void>
  start(): Promise<void>
  restart(): Promise<void>
  look(): Promise<void>
  read(): Promise<string[]>
  messages(): string[]
  follower(): ReturnType<typeof createFollower>
  collector: MemoryCollector<LogRecord>
  clock: ReturnType<typeof createFakeClock>
}

async function createPlace({
  patterns = ['app.log'],
  isFirst,
}: {
  patterns?: string[]
  isFirst?: FollowerOptions['isFirst']
} = {}): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-follow-'))
  const at = (name: string) => join(folder, name)
  // Files that are made from now on are new ones.
  const clock = createFakeClock(Date.now())
  const { signal } = new AbortController()
  const collector = createMemoryCollector<LogRecord>()
  const rules = { ...plainRules, least: 'debug' } as const
  const intake = createIntake({ ...rules, collector, clock: { ...clock, sleep: async () => {} } })
  let highest = 0

  const create = () =>
    createFollower({
      patterns: patterns.map(at),
      isFirst,
      collector,
      intake,
      signal,
      maxFiles: patterns.length > 1 ? 2 : 1_000,
      clock,
      log: silentLog,
    })
  let follower = create()

  const place: Place = {
    at,
    collector,
    clock,
    follower: () => follower,
    append: (name, text) => appendFile(at(name), text),
    async shift() {
      for (let number = highest++; number > 0; number--)
        await rename(at(`app.log.${number}`), at(`app.log.${number + 1}`)).catch(() => {})
    },
    start: () => follower.look(),
    async restart() {
      await follower[Symbol.asyncDispose]()
      follower = create()
      await follower.look()
    },
    look: () => follower.look(),
    read: () => follower.read(),
    messages: () => collector.entries.map(({ message }) => message),
    async [Symbol.asyncDispose]() {
      await follower[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
  await writeFile(at('.made'), '')
  return place
}
