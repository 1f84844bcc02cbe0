import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { defaultConfig } from '../../config/agent-config.ts'
import { openReportStore, type ReportStore, type ReportStoreOptions } from './report-store.ts'

const { limits } = defaultConfig

describe('a report entry', () => {
  it('starts at version 1 and grows by one with each change', async () => {
    await using place = await aPlace()
    await using store = await place.open()
    assert.deepEqual(shown(await put(store, 'health', '{"up":1}')), {
      key: 'health',
      content_type: 'application/json',
      payload: '{"up":1}',
      version: 1,
      updated_at: '2025-01-15T10:30:00Z',
    })
    assert.equal((await put(store, 'health', '{"up":2}')).version, 2)
    assert.equal(store.get('health')?.payload, '{"up":2}')
  })

  it('never reuses a version after it was deleted', async () => {
    await using place = await aPlace()
    await using store = await place.open()
    await put(store, 'health')
    assert.equal(await store.delete('health'), true)
    assert.equal(store.get('health'), undefined)
    assert.equal((await put(store, 'health')).version, 2)
  })

  it('is written only when it has the expected version', async () => {
    await using place = await aPlace()
    await using store = await place.open()
    const conflict = { code: 'conflict', message: 'version conflict' }
    await assert.rejects(put(store, 'health', '1', 3), conflict)
    assert.equal((await put(store, 'health', '1', 0)).version, 1)
    await assert.rejects(put(store, 'health', '1', 0), conflict)
    assert.equal((await put(store, 'health', '2', 1)).version, 2)
    await store.delete('health')
    assert.equal((await put(store, 'health', '3', 0)).version, 3)
  })

  it('lets one of many conditional writers win', async () => {
    await using place = await aPlace()
    await using store = await place.open()
    await put(store, 'lock')
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => put(store, 'lock', '2', 1)),
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  it('is seen by readers when it is on disk, not before', async () => {
    await using place = await aPlace()
    await using store = await place.open()
    const writing = put(store, 'health')
    assert.equal(store.get('health'), undefined)
    await writing
    assert.deepEqual(store.keys(), ['health'])
  })

  it('cannot be deleted when it is not there', async () => {
    await using place = await aPlace()
    await using store = await place.open()
    assert.equal(await store.delete('nothing'), false)
  })
})

describe('openReportStore', () => {
  it('has the same entries after a restart, synced or not', async () => {
    await using place = await aPlace()
    {
      await using store = await place.open()
      for (const key of ['b', 'a', 'gone', 'sent']) await put(store, key, '"text \\u0000 \u00fc"')
      await store.delete('gone')
      await store.confirm([...store.unsynced()].filter(({ key }) => key === 'sent'))
    }
    await using store = await place.open()
    assert.deepEqual(store.keys(), ['a', 'b', 'sent'])
    assert.equal(store.get('a')?.payload, '"text \\u0000 \u00fc"')
    assert.deepEqual(
      [...store.unsynced()].map(({ key, op }) => [key, op]),
      [
        ['b', 'put'],
        ['a', 'put'],
        ['gone', 'delete'],
      ],
    )
    assert.equal((await put(store, 'gone')).version, 2)
  })

  it('drops a last line that a crash cut off, without a warning', async () => {
    await using place = await aPlace()
    {
      await using store = await place.open()
      await put(store, 'a')
      await put(store, 'b')
    }
    await truncate(place.journal, (await stat(place.journal)).size - 5)
    {
      await using store = await place.open()
      assert.deepEqual(store.keys(), ['a'])
      await put(store, 'c')
    }
    await using store = await place.open()
    assert.deepEqual(store.keys(), ['a', 'c'])
    assert.deepEqual(place.messages, [])
  })

  it('loses one record to a damaged line, and warns', async () => {
    await using place = await aPlace()
    {
      await using store = await place.open()
      for (const key of ['a', 'b', 'c']) await put(store, key)
    }
    const text = await readFile(place.journal, 'utf8')
    await writeFile(place.journal, text.replace('"key":"b"', '"key":"x"'))
    await using store = await place.open()
    assert.deepEqual(store.keys(), ['a', 'c'])
    assert.deepEqual(place.messages, ['report journal is damaged, records are lost'])
  })

  it('opens a file of garbage', async () => {
    await using place = await aPlace()
    await (await place.open())[Symbol.asyncDispose]()
    await appendFile(place.journal, Buffer.from([0, 255, 10, 10, 13, 123, 10, 34]))
    await using store = await place.open()
    assert.equal((await put(store, 'a')).version, 1)
  })

  it('makes the file private to its user', async () => {
    await using place = await aPlace()
    await using _store = await place.open()
    assert.equal((await stat(place.journal)).mode & 0o777, 0o600)
  })
})

describe('the journal', () => {
  it('is rewritten when most of it is outdated', async () => {
    await using place = await aPlace()
    {
      await using store = await place.open()
      const big = JSON.stringify('x'.repeat(100_000))
      for (let n = 0; n < 100; n++) await put(store, `k${n % 3}`, big)
      await put(store, 'deleted')
      await store.delete('deleted')
      await store.confirm([...store.unsynced()])
      await put(store, 'k0', '0')
      assert.ok((await stat(place.journal)).size < 5_000_000)
    }
    await using store = await place.open()
    assert.equal(store.get('k1')?.version, 33)
    assert.deepEqual(
      [...store.unsynced()].map(({ key }) => key),
      ['k0'],
    )
    assert.equal((await put(store, 'deleted')).version, 2)
  })

  it('reuses no version although it forgets the oldest deleted keys', async () => {
    await using place = await aPlace()
    for (let run = 1; run <= 3; run++) {
      await using store = await place.open({ maxTombstones: 2 })
      for (const key of ['a', 'b', 'c', 'd']) {
        for (let n = 0; n < 3; n++) await put(store, key, JSON.stringify('x'.repeat(1_000_000)))
        await store.delete(key)
      }
      await store.confirm([...store.unsynced()])
      assert.ok((await put(store, 'a')).version > 3 * run)
      await store.delete('a')
    }
  })
})

describe('a limit', () => {
  it('fails a write that exceeds it, which leaves nothing behind, and not a smaller one', async () => {
    await using place = await aPlace()
    {
      await using store = await place.open({ limits: { ...limits, local_report_bytes: 1_000 } })
      await put(store, 'a')
      await assert.rejects(put(store, 'b', JSON.stringify('x'.repeat(2_000))), {
        status: 507,
        message:
          'no room for this report entry: all writers together may have 1000 bytes (limit local_report_bytes): delete entries first',
      })
      await put(store, 'b')
    }
    await using store = await place.open()
    assert.deepEqual(store.keys(), ['a', 'b'])
  })

  it('counts keys as well', async () => {
    await using place = await aPlace()
    await using store = await place.open({ limits: { ...limits, local_report_keys: 2 } })
    await put(store, 'a')
    await put(store, 'b')
    await assert.rejects(put(store, 'c'))
    await put(store, 'a')
  })
})

describe('the quota of one writer', () => {
  const few = { limits: { ...limits, local_report_keys_per_user: 3 } }
  const by = (store: ReportStore, writer: string, key: string) =>
    store.put({ key, content_type: 'text/plain', payload: '1', writer })
  const refusal = (who: string) => ({
    status: 507,
    message: `no room for this report entry: ${who} may have 3 keys (limit local_report_keys_per_user): delete entries first`,
  })

  it('leaves room for all others, and for root', async () => {
    await using place = await aPlace()
    await using store = await place.open(few)
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, (_, n) => by(store, '1000', `k${n}`)),
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3)
    await assert.rejects(by(store, '1000', 'more'), refusal('user 1000'))
    await by(store, '1000', 'k0')
    await by(store, '1001', 'mine')
    for (const key of ['a', 'b', 'c', 'd']) await by(store, '0', key)
    for (const key of ['x', 'y', 'z']) await by(store, 'tcp', key)
    await assert.rejects(by(store, 'tcp', 'w'), refusal('those who come over TCP'))
  })

  it('knows after a restart, and after a compaction, who wrote what', async () => {
    await using place = await aPlace()
    {
      await using store = await place.open(few)
      for (const key of ['a', 'b', 'c']) await by(store, '1000', key)
      await store.delete('a')
      const big = JSON.stringify('x'.repeat(1_000_000))
      for (let n = 0; n < 10; n++) await put(store, 'big', big)
    }
    await using store = await place.open(few)
    assert.equal(store.get('b')?.writer, '1000')
    // The deleted one is remembered until the control plane has it, by his share.
    await assert.rejects(by(store, '1000', 'd'), refusal('user 1000'))
    await by(store, '1000', 'a')
  })

  it('follows an entry to its next writer, but not to whoever deletes it', async () => {
    await using place = await aPlace()
    await using store = await place.open(few)
    for (const key of ['a', 'b', 'c']) await by(store, '1000', key)
    await by(store, '1001', 'a')
    await by(store, '1000', 'd')
    await assert.rejects(by(store, '1000', 'e'), refusal('user 1000'))
    await by(store, '1001', 'f')
  })

  it('counts bytes, including entries that are not yet on disk', async () => {
    await using place = await aPlace()
    const bytes = { limits: { ...limits, local_report_bytes_per_user: 3_000 } }
    await using store = await place.open(bytes)
    const payload = JSON.stringify('x'.repeat(1_000))
    const big = (key: string) =>
      store.put({ key, content_type: 'text/plain', payload, writer: '1000' })
    const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map(big))
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 2)
    await store.delete('a')
    await big('e')
    await assert.rejects(big('f'), /3000 bytes \(limit local_report_bytes_per_user\)/)
  })
})

describe('what the control plane does not have yet', () => {
  it('is the last change of each key', async () => {
    await using place = await aPlace()
    await using store = await place.open()
    await put(store, 'a')
    await put(store, 'b')
    await put(store, 'a')
    await store.delete('b')
    assert.deepEqual(
      [...store.unsynced()].map(({ op, key, version }) => ({ op, key, version })),
      [
        { op: 'put', key: 'a', version: 2 },
        { op: 'delete', key: 'b', version: 1 },
      ],
    )
  })

  it('keeps a key that was written while the change before it was confirmed', async () => {
    await using place = await aPlace()
    await using store = await place.open()
    await put(store, 'a')
    const sent = [...store.unsynced()]
    await put(store, 'a')
    await store.confirm(sent)
    assert.equal(store.unsyncedCount(), 1)
    await store.confirm([...store.unsynced()])
    assert.equal(store.unsyncedCount(), 0)
  })

  it('continues above the version that the control plane knows', async () => {
    await using place = await aPlace()
    await using store = await place.open()
    await put(store, 'a', '"mine"')
    await store.raise('a', 12)
    assert.deepEqual([store.get('a')?.version, store.get('a')?.payload], [13, '"mine"'])
    await store.raise('a', 12)
    assert.equal(store.get('a')?.version, 13)
    await store.delete('a')
    await store.raise('a', 20)
    assert.equal((await put(store, 'a')).version, 22)
  })

  it('ignores a version too large to be incremented', async () => {
    await using place = await aPlace()
    await using store = await place.open()
    await put(store, 'a')
    await store.raise('a', Number.MAX_SAFE_INTEGER)
    assert.equal(store.get('a')?.version, 1)
  })
})

it('tells listeners once for each group of writes, and counts them', async () => {
  await using place = await aPlace()
  await using store = await place.open()
  let calls = 0
  const stop = store.onChange(() => calls++)
  await Promise.all(Array.from({ length: 50 }, (_, n) => put(store, `k${n}`)))
  assert.equal(store.index(), 51)
  assert.ok(calls <= 3, `${calls} calls`)
  stop()
  await put(store, 'more')
  assert.ok(calls <= 3)
})

function put(store: ReportStore, key: string, payload = '1', ifVersion?: number) {
  const input = { key, content_type: 'application/json', payload }
  return store.put(ifVersion === undefined ? input : { ...input, ifVersion })
}

function shown({
  key,
  content_type,
  payload,
  version,
  updated_at,
}: Awaited<ReturnType<typeof put>>) {
  return { key, content_type, payload, version, updated_at }
}

async function aPlace(): Promise<
  AsyncDisposable & {
    journal: string
    messages: string[]
    open(options?: Partial<ReportStoreOptions>): Promise<ReportStore>
  }
> {
  const dataDir = await mkdtemp(join(tmpdir(), 'plexd-reports-'))
  const messages: string[] = []
  const note = (message: string): void => {
    messages.push(message)
  }
  const log: Log = { ...silentLog, warn: note, error: note }
  return {
    journal: join(dataDir, 'state', 'report', 'journal'),
    messages,
    open: (options = {}) =>
      openReportStore({ dataDir, clock: createFakeClock(), log, limits, ...options }),
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  }
}
