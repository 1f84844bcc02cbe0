import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { LogRecord } from '@plexd/protocol'
import { silentLog, systemClock } from '@plexd/runtime'
import { journalSkip, openJournal, type TestJournal, until } from '@plexd/runtime/testing'
import { createMemoryCollector, type MemoryCollector } from '../../testing/memory-collector.ts'
import { createIntake } from '../records/intake.ts'
import { startJournal } from './start-journal.ts'

it('reads what programs log, in whatever bytes, and goes on behind it', {
  skip: journalSkip(),
}, async () => {
  await using journal = await openJournal()
  const say = (text: string) => journal.say(text, 'tester', 'warning')
  await say('before')
  const first = createMemoryCollector<LogRecord>()
  await using reading = follow(journal, first)
  await until('it has a place', () => first.cursor('journald'))
  await say('one')
  await say('b\x01d')
  await say('é'.repeat(15_000))
  await until('all', () => first.entries.length >= 3)
  await reading[Symbol.asyncDispose]()
  const [one, bytes, long] = first.entries
  assert.deepEqual([one?.message, one?.unit, one?.severity], ['one', 'tester', 'warn'])
  assert.equal(bytes?.message, 'b\x01d')
  assert.match(long?.message ?? '', /^é{8186}\[truncated\]$/)

  await say('while away')
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

function follow({ place }: TestJournal, collector: MemoryCollector<LogRecord>) {
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
    leavesAudit: false,
    units: [],
    place,
    isThere,
    clock: systemClock,
    log: silentLog,
  })
}
