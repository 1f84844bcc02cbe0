import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import type { LogRecord } from '@plexd/protocol'
import { type Exec, silentLog, type streamTool } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { createMemoryCollector } from '../../testing/memory-collector.ts'
import { plainRules } from '../../testing/record-rules.ts'
import { createIntake } from '../records/intake.ts'
import { startJournal } from './start-journal.ts'

describe('startJournal', () => {
  it('begins where the journal ends now, also when it is killed before the first entry', async () => {
    await using journal = startFake({ end: entry(7), runs: [{ prints: [], ends: 'exit code 1' }] })
    await journal.settle()
    assert.equal(journal.collector.cursor('journald'), cursorOf(7))
    assert.ok(journal.commands[0]?.includes(`--after-cursor=${cursorOf(7)}`))
  })

  it('hands over entries with the cursor, and goes on behind it', async () => {
    await using journal = startFake({
      cursor: cursorOf(1),
      runs: [{ prints: [entry(2, 'a'), entry(3, 'b')], ends: 'it was killed by SIGKILL' }, {}],
    })
    await journal.settle()
    assert.deepEqual(journal.messages(), ['a', 'b'])
    assert.equal(journal.collector.cursor('journald'), cursorOf(3))
    assert.deepEqual(journal.states(), ['failed: it was killed by SIGKILL'])
    await journal.clock.advance(2_000)
    assert.ok(journal.commands[1]?.includes(`--after-cursor=${cursorOf(3)}`))
    assert.deepEqual(journal.states(), ['running: all units'])
  })

  it('counts what was vacuumed before it was read, once', async () => {
    await using journal = startFake({
      cursor: cursorOf(1),
      runs: [{ prints: [entry(5), entry(9)], ends: 'x' }],
    })
    await journal.settle()
    const reason = 'the journal was vacuumed before it was read'
    assert.deepEqual(journal.collector.gaps, [{ count: 3, reason }])
  })

  it('reads only some units, of which it cannot tell what is missing', async () => {
    await using journal = startFake({
      cursor: cursorOf(1),
      units: ['nginx', 'plexd'],
      runs: [{ prints: [entry(5)], ends: 'x' }],
    })
    await journal.settle()
    assert.ok(journal.commands[0]?.join(' ').includes('--unit=nginx --unit=plexd'))
    assert.deepEqual(journal.collector.gaps, [])
  })

  it('leaves records of the audit out where they are sent as such, and moves on', async () => {
    const prints = [
      entry(2, 'a'),
      entry(3, 'USER_LOGIN pid=1', 'audit'),
      entry(4, 'audit: type=1130 audit(1736937000.123:9): pid=1', 'kernel'),
      entry(5, 'eth0: link is up', 'kernel'),
    ]
    const read = async (leavesAudit: boolean) => {
      await using journal = startFake({
        cursor: cursorOf(1),
        leavesAudit,
        runs: [{ prints, ends: 'x' }],
      })
      await journal.settle()
      assert.equal(journal.collector.cursor('journald'), cursorOf(5))
      return journal.messages().length
    }
    assert.deepEqual([await read(true), await read(false)], [2, 4])
  })

  it('says so where there is no journalctl', async () => {
    await using journal = startFake({ end: new Error('"journalctl" is not installed') })
    await journal.settle()
    assert.deepEqual(journal.states(), ['failed: "journalctl" is not installed'])
  })

  it('waits where there is no journal', async () => {
    let isThere = false
    await using journal = startFake({ end: entry(1), isThere: () => isThere })
    await journal.settle()
    assert.deepEqual(journal.states(), ['waiting: this machine has no journal of systemd'])
    isThere = true
    await journal.clock.advance(60_000)
    assert.deepEqual(journal.states(), ['running: all units'])
  })

  it('stops reading while the disk is behind, and ends nevertheless', async () => {
    const long = entry(2, 'x'.repeat(15_000))
    const journal = startFake({ cursor: cursorOf(1), runs: [{ prints: Array(500).fill(long) }] })
    journal.collector.hold(true)
    await journal.settle()
    const read = journal.read()
    assert.ok(read > 30 && read < 200, `${read} lines`)
    await journal[Symbol.asyncDispose]()
    assert.deepEqual(journal.messages(), [])
    journal.collector.hold(false)
  })
})

interface FakeRun {
  prints?: string[]
  /** It goes on if this is left out. */
  ends?: string
}

function startFake({
  cursor,
  end = '',
  units = [],
  leavesAudit = false,
  runs = [],
  isThere = () => true,
}: {
  cursor?: string
  end?: string | Error
  units?: string[]
  leavesAudit?: boolean
  runs?: FakeRun[]
  isThere?: () => boolean
}) {
  const clock = createFakeClock()
  const collector = createMemoryCollector<LogRecord>(
    new Map(cursor === undefined ? [] : [['journald', cursor]]),
  )
  const rules = { ...plainRules, least: 'debug' } as const
  const intake = createIntake({ ...rules, collector, clock: { ...clock, sleep: async () => {} } })
  const commands: (readonly string[])[] = []
  let read = 0

  const run: Exec = async () => {
    if (end instanceof Error) throw end
    return end
  }
  const stream: typeof streamTool = async (command, { signal, onStart, onOutput }) => {
    const { prints = [], ends } = runs[commands.length] ?? {}
    commands.push(command)
    onStart()
    const lines = function* (): Generator<Buffer> {
      for (const line of prints) {
        read++
        yield Buffer.from(`${line}\n`)
      }
    }
    await onOutput(Readable.from(lines(), { highWaterMark: 1 })).catch(() => {})
    if (ends === undefined && !signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return ends ?? 'aborted'
  }
  const deps = {
    collector,
    intake,
    units,
    leavesAudit,
    isThere,
    run,
    stream,
    clock,
    log: silentLog,
  }
  const started = startJournal(deps)
  return {
    ...started,
    collector,
    clock,
    commands,
    read: () => read,
    settle: () => clock.advance(1),
    messages: () => collector.entries.map(({ message }) => message),
    states: () => started.sources().map(({ state, detail }) => `${state}: ${detail}`),
  }
}

function cursorOf(number: number): string {
  return `s=ab;i=${number.toString(16)};b=1`
}

function entry(number: number, message = 'x', transport = 'journal'): string {
  return JSON.stringify({
    __CURSOR: cursorOf(number),
    __REALTIME_TIMESTAMP: '1736937000123456',
    MESSAGE: message,
    _TRANSPORT: transport,
  })
}
