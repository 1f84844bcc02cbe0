import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { noPostgres, openForTests, startPostgres, until } from '@plexd/runtime/testing'
import { limits } from '../limits.ts'
import { recordKinds } from '../telemetry/packs/kinds.ts'
import { openPostgresTelemetry } from '../telemetry/postgres/postgres-store.ts'
import { openSqliteTelemetry } from '../telemetry/sqlite-store.ts'
import type { TelemetryStore } from '../telemetry/store.ts'
import { type TestControlPlane, withControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { type MoveOptions, moveDatabase } from './move.ts'

const dayMs = 24 * 3_600_000
const web = { tenant_id: 'ten_other', node_id: 'n_web' }
const beforeMs = () => systemClock.now() - limits.telemetry_ms.default

describe('telemetry of a data folder', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  it('is moved with the state: searches, pages and charts are answered as before', async () => {
    await using folder = await makeTemporaryFolder()
    await fill(folder.path)
    const ask = async (plane: TestControlPlane) => {
      const query = { name: 'cpu_percent', since: '24h', step: '1h' }
      const series = await until('the series', async () => {
        const found = (await plane.admin.queryMetrics({ query })).body.series
        return found.length > 0 && found
      })
      return {
        series,
        logs: (await plane.admin.searchLogs({ query: { grep: 'disk' } })).body.items,
      }
    }
    const asked = await withControlPlane(
      folder.path,
      async (plane) => {
        const node = await plane.enrol('web')
        const timestamp = new Date(systemClock.now() - 60_000).toISOString()
        const metric = { timestamp, group: 'node_resources', data: { cpu_percent: 7 } }
        const body = (record: object) => Buffer.from(JSON.stringify([record]))
        await node.api.sendMetrics({ params: node, body: body(metric) })
        const log = { timestamp, source: 'journald', unit: 'a', severity: 'error', hostname: 'web' }
        await node.api.sendLogs({ params: node, body: body({ ...log, message: 'disk is full' }) })
        return ask(plane)
      },
      { databaseUrl: undefined },
    )
    assert.equal(asked.logs.length, 1)
    const url = server.createDatabase()
    const { telemetry } = await move(folder.path, url)
    for (const { kind, day, source, target } of telemetry)
      assert.deepEqual(target, source, `${kind} ${day}`)
    assert.ok(telemetry.some(({ kind, target }) => kind === 'series' && target.items > 0))

    assert.deepEqual(await withControlPlane(folder.path, ask, { databaseUrl: url }), asked)
    await assertSame(folder.path, url)
  })

  it('is moved as long as it is kept: what is too old stays, and nodes go on where they were', async () => {
    await using folder = await makeTemporaryFolder()
    await install(folder.path)
    await fill(folder.path)
    const url = server.createDatabase()
    const { telemetry } = await move(folder.path, url)
    assert.equal(telemetry.filter(({ kind }) => kind === 'logs').length, 3)
    await assertSame(folder.path, url)

    await using target = await openPostgresTelemetry({ url })
    const cursor = await target.cursorNow('logs')
    const records = ['{"message":"again"}', '{"message":"new"}']
    const position = { epoch: 'e', first: daysAgo.length * batchRecords - 1, count: 2 }
    const { duplicates } = await target.append({ kind: 'logs', source: web, records, position })
    assert.equal(duplicates, 1)
    const { records: found, removed } = await target.readAfter({
      ...{ kind: 'logs', limit: 10 },
      after: cursor,
    })
    assert.deepEqual(
      found.map(({ id, record }) => [id, record]),
      [[Number(cursor) + 1, records[1]]],
    )
    assert.equal(removed, 0)
  })

  it('is nowhere served in part: where the way to the server was lost, or its disk is full, the next attempt begins anew', async () => {
    await using folder = await makeTemporaryFolder()
    await using other = await makeTemporaryFolder()
    await using empty = await makeTemporaryFolder()
    await install(folder.path)
    await install(other.path)
    await fill(folder.path)
    const url = server.createDatabase()
    for (const when of ['before', 'after'] as const) {
      await using way = await server.cuttable(url)
      let count = 0
      const onProgress = (text: string) => {
        if (/^copying (logs|series)/.test(text) && ++count === 2) way.cutNext(when)
      }
      await assert.rejects(
        move(folder.path, way.url, { onProgress }),
        (error) => error instanceof Error && /^copying logs of \d{4}-/.test(error.message),
      )
      await assert.rejects(
        withControlPlane(empty.path, async () => {}, { databaseUrl: url }),
        /moving an installation to ".*" was interrupted/,
      )
      await withControlPlane(folder.path, async () => {}, { databaseUrl: undefined })
      await assert.rejects(move(other.path, url), /there is telemetry of another installation in/)
    }
    server.psql(url, fillDisk)
    await assert.rejects(move(folder.path, url), ({ message, cause }: Error) => {
      assert.match(message, /^copying logs of \d{4}-/)
      assert.match(String(cause), /the database has no room/)
      return true
    })
    server.psql(url, 'drop function fill_disk cascade')
    await move(folder.path, url)
    await assertSame(folder.path, url)
  })

  it('stays if nobody wants to wait for it, also what an attempt before had copied', async () => {
    await using folder = await makeTemporaryFolder()
    await install(folder.path)
    await fill(folder.path)
    const url = server.createDatabase()
    await using way = await server.cuttable(url)
    const onProgress = (text: string) => {
      if (text.startsWith('copying series')) way.cutNext('before')
    }
    await assert.rejects(move(folder.path, way.url, { onProgress }))
    assert.notEqual(server.psql(url, 'select count(*) from telemetry_packs').trim(), '0')
    const { telemetry } = await move(folder.path, url, { telemetryMs: undefined })
    assert.deepEqual(telemetry, [])
    assert.equal(server.psql(url, 'select count(*) from telemetry_packs').trim(), '0')
    assert.equal(server.psql(url, 'select count(*) from telemetry_partitions').trim(), '0')
    await withControlPlane(folder.path, async () => {}, { databaseUrl: url })
  })

  it('is put beside no telemetry of others', async () => {
    await using folder = await makeTemporaryFolder()
    await install(folder.path)
    const url = server.createDatabase()
    {
      await using target = await openPostgresTelemetry({ url })
      await target.append({ kind: 'audit', source: web, records: ['{"n":1}'] })
    }
    await assert.rejects(
      move(folder.path, url),
      /there is telemetry of another installation in ".*": name an empty database/,
    )
    assert.equal(server.psql(url, "select to_regclass('tenants') is null").trim(), 't')
  })
})

function move(dataDir: string, url: string, options: Partial<MoveOptions> = {}) {
  return moveDatabase({
    ...{ dataDir, to: { url }, masterKeyFile: undefined, caKeyFile: undefined },
    telemetryMs: limits.telemetry_ms.default,
    ...{ clock: systemClock, log: silentLog, onProgress: () => {} },
    ...options,
  })
}

const install = (dataDir: string) =>
  withControlPlane(dataDir, (plane) => plane.enrol('web'), { databaseUrl: undefined })

/** When batches of logs come; what is in the first is too old. */
const daysAgo = [9, 5, 5, 1, 0]
/** More than a pack takes. */
const batchRecords = 2_050

/** Logs of four days, and an audit record of now. */
async function fill(dataDir: string): Promise<void> {
  const clock = { nowMs: 0 }
  await using store = openSqliteTelemetry(join(dataDir, 'telemetry'), { now: () => clock.nowMs })
  const nowMs = systemClock.now()
  for (let batch = 0; batch < daysAgo.length; batch++) {
    clock.nowMs = nowMs - (daysAgo[batch] ?? 0) * dayMs
    const records = Array.from({ length: batchRecords }, (_, at) =>
      JSON.stringify({
        timestamp: new Date(clock.nowMs - at).toISOString(),
        unit: `u${at % 3}`,
        message: randomBytes(50).toString('base64'),
      }),
    )
    const position = { epoch: 'e', first: batch * batchRecords, count: batchRecords }
    await store.append({ kind: 'logs', source: web, records, position })
  }
  await store.append({ kind: 'audit', source: web, records: ['{"n":"\\u0000"}'] })
}

/** Both answer the same, when what is too old is gone. */
async function assertSame(dataDir: string, url: string): Promise<void> {
  await using source = openSqliteTelemetry(join(dataDir, 'telemetry'))
  await using target = await openPostgresTelemetry({ url })
  const all = Number.MAX_SAFE_INTEGER
  const sizes = { maxBytes: all, maxAuditBytes: all, maxTenantBytes: all }
  await source.prune({ beforeMs: beforeMs(), ...sizes })
  assert.ok((await target.prune({ beforeMs: beforeMs(), ...sizes })) === 0)
  for (const kind of recordKinds)
    assert.deepEqual(await answersOf(target, kind), await answersOf(source, kind), kind)
}

async function answersOf(store: TelemetryStore, kind: (typeof recordKinds)[number]) {
  const found = []
  for (const grep of [undefined, 'aB'])
    for await (const page of store.search({
      ...{ kind, tenant_id: web.tenant_id, order: 'newest', limit: 20_000 },
      ...{ sinceMs: 0, untilMs: systemClock.now(), grep },
    }))
      found.push(...page)
  return {
    found,
    arrivals: await store.readAfter({ kind, limit: 50_000 }),
    list: await store.list({ kind, node_id: web.node_id, limit: 50_000 }),
    cursor: await store.cursorNow(kind),
  }
}

/** What a server says without room. */
const fillDisk = `
  create function fill_disk() returns trigger language plpgsql as $$ begin
    raise exception 'could not extend file' using errcode = 'disk_full';
  end $$;
  create trigger fill_disk before insert on telemetry_packs for each row execute function fill_disk()`
