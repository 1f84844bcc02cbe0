import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError, type ReportSync } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock, type FakeClock } from '@plexd/runtime/testing'
import { confirmationOf, type PutRecord } from '../../state/reports/report-record.ts'
import type { ReportStore } from '../../state/reports/report-store.ts'
import { createReportTable } from '../../state/reports/report-table.ts'
import { everyone } from '../../state/reports/report-usage.ts'
import { ForeignAnswer } from '../client/failure.ts'
import { toReportSync } from './batch.ts'
import { type ReportSyncTask, startReportSync } from './sync.ts'

describe('startReportSync', () => {
  it('sends a change 5 s after the last one, with all that came before it', async () => {
    await using plane = await aPlane()
    plane.store.write('a')
    await plane.clock.advance(4_000)
    plane.store.write('b')
    await plane.clock.advance(4_900)
    assert.deepEqual(plane.sent, [])
    await plane.clock.advance(100)
    assert.deepEqual(plane.sent, [['a@1', 'b@1']])
    assert.equal(plane.store.unsyncedCount(), 0)
  })

  it('holds nothing back longer than 30 s while writing goes on', async () => {
    await using plane = await aPlane()
    for (let second = 0; second < 32; second++) {
      plane.store.write('a')
      await plane.clock.advance(1_000)
    }
    assert.equal(plane.sent.length, 1)
  })

  it('sends what a former run left', async () => {
    const store = createFakeStore()
    store.write('a')
    await using plane = await aPlane(store)
    await plane.clock.advance(5_000)
    assert.deepEqual(plane.sent, [['a@1']])
  })

  it('sends a deletion, and a re-created entry as an update', async () => {
    await using plane = await aPlane()
    plane.store.write('a')
    plane.store.remove('a')
    await plane.clock.advance(5_000)
    plane.store.write('a')
    plane.store.write('b')
    plane.store.remove('b')
    plane.store.write('b')
    await plane.clock.advance(5_000)
    assert.deepEqual(plane.sent, [['-a'], ['a@2', 'b@2']])
  })

  it('does not take a change for sent that was written while the request ran', async () => {
    await using plane = await aPlane()
    plane.answer = async () => {
      plane.answer = async () => {}
      plane.store.write('a')
    }
    plane.store.write('a')
    await plane.clock.advance(5_000)
    assert.equal(plane.store.unsyncedCount(), 1)
    await plane.clock.advance(5_000)
    assert.deepEqual(plane.sent, [['a@1'], ['a@2']])
  })

  it('splits what is too much for one request', async () => {
    await using plane = await aPlane()
    for (let n = 0; n < 5; n++) plane.store.write(`k${n}`, JSON.stringify('x'.repeat(1_000_000)))
    await plane.clock.advance(5_000)
    assert.deepEqual(
      plane.sent.map((batch) => batch.length),
      [3, 2],
    )
  })
})

describe('a control plane that does not take reports', () => {
  it('is asked again after 1 s, 2 s, 4 s, ... 60 s', async () => {
    await using plane = await aPlane()
    plane.answer = () => Promise.reject(new Error('connect: refused'))
    plane.store.write('a')
    await plane.clock.advance(5_000)
    const at: number[] = []
    for (let second = 1; second <= 200; second++) {
      const before = plane.sent.length
      await plane.clock.advance(1_000)
      if (plane.sent.length > before) at.push(second)
    }
    assert.deepEqual(at, [1, 3, 7, 15, 31, 63, 123, 183])
  })

  it('is given the time that it asks for', async () => {
    await using plane = await aPlane()
    plane.answer = () =>
      Promise.reject(new ApiError('too_many_requests', 'slow down', { retryAfterSeconds: 90 }))
    plane.store.write('a')
    await plane.clock.advance(5_000 + 89_000)
    assert.equal(plane.sent.length, 1)
    await plane.clock.advance(1_000)
    assert.equal(plane.sent.length, 2)
  })

  it('is asked once a minute at most while it does not know the node', async () => {
    await using plane = await aPlane()
    plane.answer = () => Promise.reject(new ApiError('unauthorized', 'unauthorized'))
    plane.store.write('a')
    await plane.clock.advance(5_000 + 59_000)
    assert.equal(plane.sent.length, 1)
    await plane.clock.advance(1_000)
    assert.equal(plane.sent.length, 2)
    plane.answer = async () => {}
    plane.sync.wake()
    await plane.clock.advance(0)
    assert.equal(plane.store.unsyncedCount(), 0)
  })

  it('gets the newest state when it is back, not what failed', async () => {
    await using plane = await aPlane()
    plane.answer = () => Promise.reject(new Error('connect: refused'))
    plane.store.write('a')
    await plane.clock.advance(5_000)
    plane.store.write('a')
    plane.answer = async () => {}
    await plane.clock.advance(1_000)
    assert.deepEqual(plane.sent, [['a@1'], ['a@2']])
  })
})

describe('an entry that is refused', () => {
  it('is found, set aside, and does not hold up the others', async () => {
    await using plane = await aPlane()
    plane.answer = async (body) => {
      if (body.entries?.some(({ key }) => key === 'k5'))
        throw new ApiError('bad_request', 'no such key')
    }
    for (let n = 0; n < 8; n++) plane.store.write(`k${n}`)
    await plane.clock.advance(5_000)
    assert.equal(plane.store.unsyncedCount(), 1)
    assert.equal(plane.sync.setAside(), 1)
    const requests = plane.sent.length
    await plane.clock.advance(3_600_000)
    assert.equal(plane.sent.length, requests)
  })

  it('is sent again when it is written again', async () => {
    await using plane = await aPlane()
    plane.answer = () => Promise.reject(new ApiError('bad_request', 'no'))
    plane.store.write('a')
    await plane.clock.advance(5_000)
    plane.answer = async () => {}
    plane.store.write('a')
    assert.equal(plane.sync.setAside(), 0)
    await plane.clock.advance(5_000)
    assert.deepEqual(plane.sent, [['a@1'], ['a@2']])
  })

  it('continues above the version of the control plane on a conflict', async () => {
    await using plane = await aPlane()
    plane.answer = async (body) => {
      if (body.entries?.some(({ key, version }) => key === 'a' && version <= 12))
        throw conflict([{ key: 'a', version: 12 }])
    }
    plane.store.write('a')
    plane.store.write('b')
    await plane.clock.advance(5_000)
    await plane.clock.advance(5_000)
    assert.deepEqual(plane.sent, [
      ['a@1', 'b@1'],
      ['b@1', 'a@13'],
    ])
    assert.equal(plane.store.unsyncedCount(), 0)
  })

  it('is set aside when a conflict does not end', async () => {
    await using plane = await aPlane()
    plane.answer = async ({ entries }) => {
      throw conflict([{ key: 'a', version: entries?.[0]?.version ?? 0 }])
    }
    plane.store.write('a')
    await plane.clock.advance(3_600_000)
    assert.equal(plane.sent.length, 4)
    assert.equal(plane.sync.setAside(), 1)
  })

  it('is set aside on a conflict that names no version', async () => {
    await using plane = await aPlane()
    plane.answer = async () => {
      throw new ApiError('conflict', 'version conflict')
    }
    plane.store.write('a')
    await plane.clock.advance(3_600_000)
    assert.equal(plane.sent.length, 1)
    assert.equal(plane.sync.setAside(), 1)
  })
})

describe('a proxy with a lower bound than the control plane', () => {
  it('gets less at a time, and nothing is set aside for it', async () => {
    await using plane = await aPlane()
    plane.answer = async ({ entries }) => {
      if ((entries?.length ?? 0) > 1)
        throw new ForeignAnswer({ status: 413, headers: {}, body: '<html>' })
    }
    for (const key of ['a', 'b', 'c']) plane.store.write(key)
    await plane.clock.advance(5_000)
    assert.deepEqual(plane.sent, [['a@1', 'b@1', 'c@1'], ['a@1', 'b@1'], ['a@1'], ['b@1'], ['c@1']])
    assert.deepEqual([plane.store.unsyncedCount(), plane.sync.setAside()], [0, 0])

    plane.answer = async () => {
      throw new ForeignAnswer({ status: 413, headers: {}, body: '<html>' })
    }
    plane.store.write('a')
    await plane.clock.advance(3_600_000)
    assert.deepEqual([plane.store.unsyncedCount(), plane.sync.setAside()], [1, 0])
  })
})

describe('disposing', () => {
  it('sends what is left', async () => {
    const plane = await aPlane()
    plane.store.write('a')
    await plane[Symbol.asyncDispose]()
    assert.deepEqual(plane.sent, [['a@1']])
  })

  it('does not wait for a control plane that does not answer', async () => {
    const plane = await aPlane()
    plane.store.write('a')
    plane.answer = (_body, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const disposing = plane.sync[Symbol.asyncDispose]()
    await plane.clock.advance(1_000)
    await disposing
    assert.equal(plane.store.unsyncedCount(), 1)
  })
})

it('keeps numbers digit by digit', () => {
  const payload = '{"id":12345678901234567890,"rate":1.50e2,"deep":[1,{"x":-0.10}]}'
  const table = createReportTable()
  table.apply(aRecord('a', 1, payload))
  const body = JSON.stringify(toReportSync([...table.unsynced()]))
  assert.ok(body.includes(`"payload":${payload}`), body)
})

it('sends a payload thousands of levels deep', () => {
  const payload = '['.repeat(20_000) + ']'.repeat(20_000)
  const table = createReportTable()
  table.apply(aRecord('a', 1, payload))
  assert.ok(JSON.stringify(toReportSync([...table.unsynced()])).includes(payload))
})

function conflict(conflicts: { key: string; version: number }[]): ApiError {
  return new ApiError('conflict', 'version conflict', { details: { conflicts } })
}

interface Plane extends AsyncDisposable {
  clock: FakeClock
  store: ReturnType<typeof createFakeStore>
  sync: ReportSyncTask
  /** One list per request: `key@version` for an entry, `-key` for a deletion. */
  sent: string[][]
  answer(body: ReportSync, signal: AbortSignal): Promise<void>
}

async function aPlane(store = createFakeStore()): Promise<Plane> {
  const clock = createFakeClock()
  const sent: string[][] = []
  const sync = startReportSync({
    store,
    describe: String,
    clock,
    log: silentLog,
    random: () => 0.5,
    send: (body, signal) => {
      const entries = (body.entries ?? []).map(({ key, version }) => `${key}@${version}`)
      sent.push([...entries, ...(body.deleted ?? []).map((key) => `-${key}`)])
      return plane.answer(body, signal)
    },
  })
  const plane: Plane = {
    clock,
    store,
    sync,
    sent,
    answer: async () => {},
    [Symbol.asyncDispose]: async () => {
      const disposing = sync[Symbol.asyncDispose]()
      await clock.advance(1_000)
      await disposing
    },
  }
  await clock.advance(0)
  return plane
}

function aRecord(key: string, version: number, payload: string): PutRecord {
  const updated_at = '2025-01-15T10:30:00Z'
  return { op: 'put', key, content_type: 'application/json', payload, version, updated_at }
}

/** The store without the disk: what is written is there at once. */
function createFakeStore(): ReportStore & {
  write(key: string, payload?: string): void
  remove(key: string): void
} {
  const table = createReportTable()
  const listeners = new Set<() => void>()
  let index = 1
  const change = (record: Parameters<typeof table.apply>[0]): void => {
    table.apply(record)
    if (record.op !== 'synced') index++
    for (const listener of listeners) listener()
  }
  return {
    get: table.entry,
    keys: table.keys,
    isEmpty: () => table.usage(everyone).keys === 0,
    index: () => index,
    put: () => assert.fail('not used'),
    delete: () => assert.fail('not used'),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    unsynced: table.unsynced,
    unsyncedCount: table.unsyncedCount,
    async confirm(changes) {
      for (const sent of changes) change(confirmationOf(sent))
    },
    resend: () => assert.fail('not used'),
    async raise(key, version) {
      const entry = table.entry(key)
      if (entry) change({ ...entry, version: version + 1 })
    },
    write(key, payload = '1') {
      change(aRecord(key, table.lastVersion(key) + 1, payload))
    },
    remove(key) {
      change({ op: 'delete', key, version: table.lastVersion(key) })
    },
    async [Symbol.asyncDispose]() {},
  }
}
