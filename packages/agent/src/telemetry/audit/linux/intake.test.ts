import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AuditRecord } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { createMemoryCollector, type MemoryCollector } from '../../testing/memory-collector.ts'
import { parseLine } from '../events/audit-line.ts'
import { denied, executed, opened, renamed } from '../testing/samples.ts'
import { createAuditIntake } from './intake.ts'

const { signal } = new AbortController()

function start(collector = createMemoryCollector<AuditRecord>(), keys: string[] = []) {
  const clock = createFakeClock()
  const intake = createAuditIntake({
    ...{ collector, boot: 'b', clock, hostname: 'web-01', redact: (text) => text },
    ...{ keys, types: [], ownPid: 1, ownProgram: '/usr/bin/plexd', isOwnProcess: () => false },
  })
  const add = (texts: readonly string[]) =>
    intake.add(
      texts.map(parseLine),
      { bytes: 100, cursor: { source: 'netlink', value: '' } },
      signal,
    )
  return { collector, intake, add, clock }
}

/** The same cursors, as a restart finds them. */
function afterRestart(collector: MemoryCollector<AuditRecord>) {
  return createMemoryCollector<AuditRecord>(
    new Map(collector.sources().map((source) => [source, collector.cursor(source) ?? ''])),
  )
}

describe('lines on their way to the disk', () => {
  it('are in a record once, also if a restart comes between two of an event', async () => {
    const before = start()
    await before.add([...opened, ...renamed.slice(0, 3)])
    assert.equal(before.collector.entries.length, 1)

    const { add, collector } = start(afterRestart(before.collector))
    await add([...renamed.slice(3), ...opened])
    assert.deepEqual(
      collector.entries.map(({ action, object }) => [action, (object as { path: string }).path]),
      [['rename', '/srv/books/secret file']],
    )
  })

  it('are in a record although the rest never comes, also after a restart', async () => {
    const before = start()
    await before.add([...opened, ...renamed.slice(0, 3)])
    const { intake, collector, clock } = start(afterRestart(before.collector))
    await clock.advance(2_000)
    await intake.expire(signal)
    assert.equal(collector.entries[0]?.action, 'rename')
  })

  it('that never came are counted exactly, with the reason', async () => {
    const before = start()
    await before.add(opened)

    const { add, intake, collector, clock } = start(afterRestart(before.collector))
    await add(executed)
    await clock.advance(5_000)
    await intake.expire(signal)
    const reason = 'events of the kernel while plexd did not read'
    assert.deepEqual(collector.gaps, [{ count: 3, reason }])
    await clock.advance(60_000)
    await intake.expire(signal)
    assert.equal(collector.gaps.length, 1)
    assert.equal(intake.counts().lost, 3)
  })

  it('are counted if they are no records', async () => {
    const { add, intake, collector } = start()
    await add(['\0\0', 'hello', ...opened])
    await intake.expire(signal)
    assert.deepEqual(collector.gaps, [{ count: 2, reason: 'lines that are no audit records' }])
    assert.equal(collector.entries.length, 1)
  })

  it('that nobody asked for are no loss', async () => {
    const { add, intake, collector, clock } = start(undefined, ['other'])
    await add([...opened, ...renamed, ...denied])
    await clock.advance(5_000)
    await intake.expire(signal)
    assert.deepEqual([collector.entries, collector.gaps], [[], []])
    assert.equal(intake.counts().filtered, 3)
  })
})
