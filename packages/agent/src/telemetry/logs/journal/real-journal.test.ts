import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { it } from 'node:test'
import type { LogRecord } from '@plexd/protocol'
import { execAny, silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { createMemoryCollector, type MemoryCollector } from '../../testing/memory-collector.ts'
import { createIntake } from '../records/intake.ts'
import { startJournal } from './start-journal.ts'

const journald = '/lib/systemd/systemd-journald'
const skip =
  (process.getuid?.() !== 0 && 'needs root, for a journal of its own') ||
  (!existsSync(journald) && 'needs systemd-journald')

it('reads what programs log, in whatever bytes, and goes on behind it', { skip }, async () => {
  await using journal = await openJournal()
  await journal.say('before')
  const first = createMemoryCollector<LogRecord>()
  await using reading = follow(journal, first)
  await until('it has a place', () => first.cursor('journald'))
  await journal.say('one')
  await journal.say('b\x01d')
  await journal.say('é'.repeat(15_000))
  await until('all', () => first.entries.length >= 3)
  await reading[Symbol.asyncDispose]()
  const [one, bytes, long] = first.entries
  assert.deepEqual([one?.message, one?.unit, one?.severity], ['one', 'tester', 'warn'])
  assert.equal(bytes?.message, 'b\x01d')
  assert.match(long?.message ?? '', /^é{8186}\[truncated\]$/)

  await journal.say('while away')
  const cursor = first.cursor('journald') ?? ''
  const second = createMemoryCollector<LogRecord>(new Map([['journald', cursor]]))
  await using _again = follow(journal, second)
  await until('what was logged meanwhile', () => second.entries.length > 0)
  assert.deepEqual(
    second.entries.map(({ message }) => message),
    ['while away'],
  )
  assert.deepEqual([first.gaps, second.gaps], [[], []])
})

interface Journal extends AsyncDisposable {
  place: readonly string[]
  /** Logs it as a program of the name `tester`, as a warning. */
  say(text: string): Promise<void>
}

/** A journald with a /run of its own, which the machine's programs do not see. */
async function openJournal(): Promise<Journal> {
  const script = `mount -t tmpfs none /run && mkdir -p /run/systemd/journal && exec ${journald}`
  const child = spawn(
    'unshare',
    ['--mount', '--', 'setpriv', '--pdeathsig', 'KILL', '--', 'sh', '-c', script],
    {
      stdio: 'ignore',
    },
  )
  const root = `/proc/${child.pid}/root/run`
  await until(
    'journald',
    () => existsSync(`${root}/systemd/journal/stdout`) && existsSync(`${root}/log/journal`),
  )
  const [machine = ''] = await until('the journal', () => {
    const found = readdirSync(`${root}/log/journal`)
    return found.length > 0 && found
  })
  const inside = ['nsenter', '--target', String(child.pid), '--mount', '--'] as const
  return {
    place: [`--directory=${root}/log/journal/${machine}`],
    async say(input) {
      await execAny(
        [...inside, 'systemd-cat', '--identifier=tester', '--priority=warning', 'cat'],
        { input },
      )
    },
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

function follow({ place }: Journal, collector: MemoryCollector<LogRecord>) {
  const rules = {
    hostname: 'web-01',
    least: 'info',
    redact: (text: string) => text,
    json: true,
  } as const
  const intake = createIntake({ ...rules, collector, clock: systemClock })
  const isThere = () => true
  return startJournal({
    collector,
    intake,
    units: [],
    place,
    isThere,
    clock: systemClock,
    log: silentLog,
  })
}
