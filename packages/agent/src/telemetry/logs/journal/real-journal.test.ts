import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { it } from 'node:test'
import type { LogRecord } from '@plexd/protocol'
import { silentLog, systemClock } from '@plexd/runtime'
import { journalSkip, openJournal, type TestJournal, until } from '@plexd/runtime/testing'
import { createMemoryCollector, type MemoryCollector } from '../../testing/memory-collector.ts'
import { plainRules } from '../../testing/record-rules.ts'
import { createIntake } from '../records/intake.ts'
import { startJournal } from './start-journal.ts'

it('reads what programs log, in whatever bytes, and goes on behind it', {
  skip: journalSkip(),
}, async () => {
  await using journal = await openJournal()
  const say = (text: string) => journal.say(text, 'tester', 'warning')
  await say('before')
  // Who says it has ended before journald has read it.
  await until('it is in the journal', () => wholeOf(journal).includes('before'))
  const first = createMemoryCollector<LogRecord>()
  await using reading = follow(journal, first)
  await until('it has a place', () => first.cursor('journald'))
  await say('one')
  await say('b\x01d')
  await say('é'.repeat(15_000))
  await until('all', () => saidIn(first).length >= 3)
  await reading[Symbol.asyncDispose]()
  const [one, bytes, long] = saidIn(first)
  assert.deepEqual([one?.message, one?.unit, one?.severity], ['one', 'tester', 'warn'])
  assert.equal(bytes?.message, 'b\x01d')
  assert.match(long?.message ?? '', /^é{8186}\[truncated\]$/)

  await say('while away')
  const cursor = first.cursor('journald') ?? ''
  const second = createMemoryCollector<LogRecord>(new Map([['journald', cursor]]))
  await using _again = follow(journal, second)
  await until('what was logged meanwhile', () => saidIn(second).length > 0)
  assert.deepEqual(
    saidIn(second).map(({ message }) => message),
    ['while away'],
  )
  assert.deepEqual([first.gaps, second.gaps], [[], []])
})

it('has the fields of our own lines, which go to stderr when journald is gone', {
  skip: journalSkip(),
}, async () => {
  const journal = await openJournal()
  const seen = createMemoryCollector<LogRecord>()
  await using reading = follow(journal, seen)
  await until('it has a place', () => seen.cursor('journald'))
  const program = logInside(journal)
  const record = await until('its record', () => saidIn(seen)[0])
  assert.deepEqual([record.message, record.severity], ['peer is silent', 'warn'])
  assert.deepEqual(record.fields, { peer_id: 'n_db', text: 'a\nb\0' })

  await reading[Symbol.asyncDispose]()
  await journal[Symbol.asyncDispose]()
  assert.match(await program.end(), /^\{[^\n]*"msg":"behind it"\}\n$/)
})

const wholeOf = ({ place }: TestJournal): string =>
  execFileSync('journalctl', [...place, '--output=cat'], { encoding: 'utf8', stdio: 'pipe' })

/** What the test has said; the kernel speaks there too. */
function saidIn({ entries }: Pick<MemoryCollector<LogRecord>, 'entries'>): LogRecord[] {
  return entries.filter(({ unit }) => unit === 'tester')
}

/** A program of ours that takes its stderr for the journal; `end` resolves to what it prints there. */
function logInside({ inside }: TestJournal) {
  const module = `
    import { fstatSync } from 'node:fs'
    import { createLog } from ${JSON.stringify(import.meta.resolve('@plexd/runtime'))}
    const { dev, ino } = fstatSync(2)
    process.env.JOURNAL_STREAM = dev + ':' + ino
    const log = createLog('tester')
    log.warn('peer is silent', { peer_id: 'n_db', text: 'a\\nb\\0' })
    process.stdin.once('data', () => log.error('behind it')).once('end', () => process.exit())`
  const [command = '', ...args] = [...inside, process.execPath, '--input-type=module']
  const child = spawn(command, [...args, '--eval', module], { stdio: ['pipe', 'ignore', 'pipe'] })
  let printed = ''
  child.stderr.on('data', (chunk) => {
    printed += chunk
  })
  return {
    async end() {
      child.stdin.end('go on\n')
      await once(child, 'close')
      return printed
    },
  }
}

function follow({ place }: TestJournal, collector: MemoryCollector<LogRecord>) {
  const intake = createIntake({ ...plainRules, collector, clock: systemClock })
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
