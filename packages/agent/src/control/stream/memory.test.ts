import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { openTestDatabase } from '../../testing/database.ts'
import { createStreamMemory } from './memory.ts'

describe('stream memory', () => {
  it('remembers over a restart what was committed', () => {
    using store = openTestDatabase()
    const clock = createFakeClock()
    const memory = createStreamMemory(store.database, clock)
    assert.equal(memory.meetNonce('n1', clock.now()), false)
    memory.commit([{ id: '1-5', eventId: 'evt_1', nonce: 'n1' }])

    const later = createStreamMemory(store.reopen(), clock)

    assert.equal(later.cursor(), '1-5')
    assert.equal(later.wasHandled('evt_1'), true)
    assert.equal(later.meetNonce('n1', clock.now()), true)
  })

  it('forgets nonces whose event was not handled', () => {
    using store = openTestDatabase()
    const clock = createFakeClock()
    const memory = createStreamMemory(store.database, clock)
    memory.meetNonce('n1', clock.now())
    assert.equal(memory.meetNonce('n1', clock.now()), true)

    memory.commit([])

    assert.equal(memory.meetNonce('n1', clock.now()), false)
  })

  it('forgets nonces when their events are stale by age', async () => {
    using store = openTestDatabase()
    const clock = createFakeClock()
    const memory = createStreamMemory(store.database, clock)
    memory.meetNonce('n1', clock.now())
    memory.commit([{ id: '1-1', eventId: 'evt_1', nonce: 'n1' }])
    await clock.advance(6 * 60_000)
    memory.commit([])

    assert.equal(memory.meetNonce('n1', clock.now()), false)
  })

  it('moves the cursor forward only, and not for events without an id', () => {
    using store = openTestDatabase()
    const memory = createStreamMemory(store.database, createFakeClock())
    memory.commit([
      { id: '1-5', eventId: 'a', nonce: 'a' },
      { id: '1-3', eventId: 'b', nonce: 'b' },
      { id: '', eventId: 'c', nonce: 'c' },
    ])
    assert.equal(memory.cursor(), '1-5')

    memory.commit([{ id: '2-1', eventId: 'd', nonce: 'd' }])
    assert.equal(memory.cursor(), '2-1')
    memory.forgetCursor()
    memory.commit([{ id: '1-4', eventId: 'e', nonce: 'e' }])
    assert.equal(memory.cursor(), '1-4')
  })

  it('keeps a bounded number of events', () => {
    using store = openTestDatabase()
    const memory = createStreamMemory(store.database, createFakeClock())
    const events = Array.from({ length: 20_010 }, (_, at) => ({
      id: `1-${at}`,
      eventId: `evt_${at}`,
      nonce: `n_${at}`,
    }))
    memory.commit(events)

    assert.equal(memory.wasHandled('evt_0'), false)
    assert.equal(memory.wasHandled('evt_20009'), true)
    const count = (table: string) =>
      Number(store.database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n)
    assert.deepEqual([count('seen_events'), count('nonces')], [20_000, 20_000])
  })
})
