import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noPostgres, openForTests, startPostgres } from '@plexd/runtime/testing'
import { openSession } from '../../store/postgres/client.ts'
import type { TelemetryStore } from '../store.ts'
import { openPostgresTelemetry } from './postgres-store.ts'

const web = { tenant_id: 'ten_a', node_id: 'n_web' }
const db = { tenant_id: 'ten_a', node_id: 'n_db' }
const dayMs = 24 * 60 * 60_000
const roomy = { maxBytes: 1e9, maxAuditBytes: 1e9, maxTenantBytes: 1e9 }

describe('several stores of telemetry on one database', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  it('store what comes to each at once, each record once, and no reader passes one that is not there yet', async () => {
    const url = server.createDatabase()
    await using one = await openPostgresTelemetry({ url })
    await using other = await openPostgresTelemetry({ url })
    const count = 40
    const send = async (store: TelemetryStore, source: typeof web) => {
      let duplicates = 0
      for (let first = 0; first < count; first++) {
        const position = { epoch: 'epoch_a', first, count: 1 }
        const batch = { kind: 'logs', source, records: [`${first}`], position } as const
        duplicates += (await store.append(batch)).duplicates
      }
      return duplicates
    }
    // Both nodes send all to each, as one does that got no answer.
    const sending = Promise.all([one, other].flatMap((s) => [send(s, web), send(s, db)]))
    let isOver = false
    const over = sending.finally(() => {
      isOver = true
    })
    const read: string[] = []
    for (let after = '0', isLast = false; ; isLast = isOver) {
      const page = await other.readAfter({ kind: 'logs', after, limit: 7 })
      assert.equal(page.removed, 0)
      for (const { id, node_id, record } of page.records) {
        assert.equal(id, read.length + 1)
        read.push(`${node_id} ${record}`)
      }
      after = page.cursor
      if (isLast && page.records.length === 0) break
    }
    const duplicates = await over
    assert.equal(
      duplicates.reduce((sum, number) => sum + number),
      2 * count,
    )
    for (const { node_id } of [web, db])
      assert.deepEqual(
        read.filter((text) => text.startsWith(`${node_id} `)),
        Array.from({ length: count }, (_, n) => `${node_id} ${n}`),
      )
  })

  it('begin a day once, though the clock of one is behind', async () => {
    const url = server.createDatabase()
    const nowMs = 20_000 * dayMs
    await using ahead = await openPostgresTelemetry({ url }, { now: () => nowMs + 1 })
    await using behind = await openPostgresTelemetry({ url }, { now: () => nowMs - 1 })
    const batch = { kind: 'logs', source: web, records: ['1'] } as const
    await Promise.all([behind.append(batch), ahead.append(batch)])
    for (const store of [ahead, behind, ahead]) await store.append(batch)
    const begun = server.psql(url, "select count(*) from telemetry_partitions where kind = 'logs'")
    assert.ok(Number(begun) <= 2, begun)
  })

  it('prune at once, and count each record once', async () => {
    const url = server.createDatabase()
    const clock = { nowMs: 20_000 * dayMs }
    const open = () => openPostgresTelemetry({ url }, { now: () => clock.nowMs })
    await using one = await open()
    await using other = await open()
    for (let day = 0; day < 4; day++) {
      await one.append({ kind: 'logs', source: web, records: Array(10).fill('1') })
      clock.nowMs += dayMs
    }
    const limits = { ...roomy, beforeMs: clock.nowMs - dayMs }
    const gone = await Promise.all([one, other].map((store) => store.prune(limits)))
    assert.equal(
      gone.reduce((sum, number) => sum + number),
      30,
    )
    assert.equal((await other.list({ ...web, kind: 'logs', limit: 99 })).length, 10)
  })

  it('keep a day for the next time that somebody reads as a whole, and write meanwhile', async () => {
    const url = server.createDatabase()
    const clock = { nowMs: 20_000 * dayMs }
    await using store = await openPostgresTelemetry({ url }, { now: () => clock.nowMs })
    const batch = { kind: 'logs', source: web, records: ['1'] } as const
    await store.append(batch)
    clock.nowMs += dayMs
    await store.append(batch)
    const limits = { ...roomy, beforeMs: clock.nowMs }
    const dump = await openSession({ url }, { lockWaitMs: 1_000 })
    try {
      await dump.query('begin; select count(*) from telemetry_packs')
      assert.equal(await store.prune(limits), 0)
      clock.nowMs += dayMs
      await store.append(batch)
      await dump.query('commit')
    } finally {
      await dump.end()
    }
    assert.equal(await store.prune(limits), 1)
    assert.equal((await store.list({ ...web, kind: 'logs', limit: 99 })).length, 2)
  })

  it('forget how far nodes have come that are gone, once they have sent nothing for a whole day', async () => {
    const url = server.createDatabase()
    const clock = { nowMs: 20_000 * dayMs }
    const options = { now: () => clock.nowMs, isNode: (id: string) => id === 'n_web' }
    await using store = await openPostgresTelemetry({ url }, options)
    const send = (source: typeof web, first: number) =>
      store.append({
        ...{ kind: 'logs', source, records: ['1'] },
        position: { epoch: 'epoch_a', first, count: 1 },
      })
    const marks = () => server.psql(url, 'select node_id from telemetry_marks order by 1').trim()
    await send(db, 0)
    await send(web, 0)
    clock.nowMs += dayMs
    assert.deepEqual(await send(web, 0), { duplicates: 1 })
    assert.equal(marks(), 'n_db\nn_web')
    clock.nowMs += dayMs
    assert.deepEqual(await send(web, 0), { duplicates: 1 })
    assert.equal(marks(), 'n_web')
  })
})
