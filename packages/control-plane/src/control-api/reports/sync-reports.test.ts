import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Entry } from '@plexd/protocol'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'

const at = (second: number) => new Date(Date.UTC(2025, 0, 15, 10, 30, second)).toISOString()

function entry(key: string, version: number, second: number, payload: unknown = second): Entry {
  return { key, version, content_type: 'application/json', payload, updated_at: at(second) }
}

const sync = (node: EnrolledNode, body: { entries?: Entry[] | null; deleted?: string[] | null }) =>
  node.api.syncReports({ params: { node_id: node.node_id }, body })

const heldOf = async (plane: TestControlPlane, node = 'web') =>
  (await plane.admin.listReports({ params: { node } })).body.items.map(
    ({ key, version }) => `${key}@${version}`,
  )

/** As the Go agent registers: no capabilities, and the NSK as bearer token. */
const enrolGo = (plane: TestControlPlane) =>
  plane.enrol('web', { capabilities: null, userAgent: 'plexd/1.0' })

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

async function send(
  plane: TestControlPlane,
  node: EnrolledNode,
  body: string | Buffer<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${plane.url}/v1/nodes/${node.node_id}/report`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${node.node_secret_key}`,
      'content-type': 'application/json',
      ...headers,
    },
    body,
  })
}

describe('POST /v1/nodes/{node_id}/report', () => {
  it('holds a number of bytes of a node, and says which limit it was; a Go node is answered 200', async () => {
    await using plane = await startControlPlane({
      config: { limits: { report_bytes: 10_000, report_keys: 3 } },
    })
    const web = await plane.enrol('web')
    const big = (key: string, version: number) => entry(key, version, version, 'x'.repeat(4_000))
    await sync(web, { entries: [big('a', 1), big('b', 1)] })
    await assert.rejects(sync(web, { entries: [big('c', 1), entry('d', 1, 1)] }), {
      code: 'payload_too_large',
      message:
        /^1 report entries were left out: .* \(limit report_keys\), of 10000 bytes together \(limit report_bytes\)/,
    })
    await assert.rejects(sync(web, { entries: [entry('e', 1, 1)] }), { code: 'payload_too_large' })
    await sync(web, { entries: [big('a', 2)], deleted: ['b'] })
    await sync(web, { entries: [big('c', 2)] })
    assert.deepEqual(await heldOf(plane), ['a@2', 'c@2', 'd@1'])

    await plane.admin.removeNode({ params: { node: 'web' } })
    const go = await enrolGo(plane)
    const body = JSON.stringify({ entries: ['a', 'b', 'c'].map((key) => big(key, 1)) })
    assert.equal((await send(plane, go, body)).status, 200)
    assert.deepEqual(await heldOf(plane), ['a@1', 'b@1'])
  })

  it('leaves no row of a node that is removed while its body comes', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const body = JSON.stringify({ entries: [entry('a', 1, 1)] })
    const begun = Promise.withResolvers<void>()
    const rest = Promise.withResolvers<void>()
    const halves = async function* () {
      yield new TextEncoder().encode(body.slice(0, 10))
      begun.resolve()
      await rest.promise
      yield new TextEncoder().encode(body.slice(10))
    }
    const answered = fetch(`${plane.url}/v1/nodes/${web.node_id}/report`, {
      method: 'POST',
      headers: { authorization: `Bearer ${web.token}`, 'content-type': 'application/json' },
      body: ReadableStream.from(halves()),
      duplex: 'half',
    })
    await begun.promise
    await plane.admin.removeNode({ params: { node: 'web' } })
    rest.resolve()
    assert.equal((await answered).status, 401)
    const rows = await plane.app.store.reader.selectFrom('reports').select('key').execute()
    assert.deepEqual(rows, [])
  })

  it('keeps entries, and shows them to operators as they were written', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const health = entry('app/health', 12, 0, { status: 'healthy' })
    assert.deepEqual((await sync(web, { entries: [health], deleted: ['old-report-key'] })).body, {})
    const params = { node: 'web', key: 'app/health' }
    assert.deepEqual((await plane.admin.getReport({ params })).body, health)
    await assert.rejects(plane.admin.getReport({ params: { ...params, key: 'other' } }), {
      status: 404,
    })
    await sync(web, { deleted: ['app/health'] })
    assert.deepEqual(await heldOf(plane), [])
  })

  it('keeps numbers in payloads exact', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const text = `{"entries":[{"key":"k","content_type":"a","payload":{"n":18446744073709551615},"version":1,"updated_at":"${at(0)}"}]}`
    assert.equal((await send(plane, web, text)).status, 200)
    const answer = await fetch(`${plane.url}/admin/v1/nodes/web/reports/k`, {
      headers: { authorization: `Bearer ${plane.adminToken}` },
    })
    assert.match(await answer.text(), /"n":18446744073709551615/)
  })

  it('answers 409 for a writer that is behind, and keeps the rest of its batch', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    await sync(web, { entries: [entry('k', 5, 5)] })
    const late = sync(web, { entries: [entry('k', 4, 4), entry('other', 1, 4)] })
    await assert.rejects(late, (error: Error & { status?: number; details?: unknown }) => {
      assert.deepEqual([error.status, error.message], [409, 'version conflict'])
      const { conflicts } = error.details as { conflicts: unknown }
      assert.deepEqual(conflicts, [{ key: 'k', version: 4, held_version: 5 }])
      return true
    })
    assert.deepEqual(await heldOf(plane), ['k@5', 'other@1'])
  })

  it('refuses what does not fit', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    for (const body of ['', '{', '[]', '{"entries":[{"key":"k"}]}', '{"deleted":[1]}'])
      assert.equal((await send(plane, web, body)).status, 400)
    assert.equal((await send(plane, web, 'x', { 'content-encoding': 'gzip' })).status, 400)
    assert.equal((await send(plane, web, 'x', { 'content-encoding': 'br' })).status, 415)
    const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024))
    assert.equal((await send(plane, web, bomb, { 'content-encoding': 'gzip' })).status, 413)
    assert.equal((await send(plane, web, '{}')).status, 200)
  })

  it('takes the null lists, repeated keys and gzip of a Go node', async () => {
    await using plane = await startControlPlane()
    const go = await enrolGo(plane)
    const body = { entries: [entry('k', 1, 1), entry('k', 2, 2), entry('k', 1, 3)], deleted: ['k'] }
    const packed = gzipSync(JSON.stringify(body))
    assert.equal((await send(plane, go, packed, { 'content-encoding': 'gzip' })).status, 200)
    assert.deepEqual(await heldOf(plane), ['k@1'])
    assert.equal((await send(plane, go, '{"entries":null,"deleted":null}')).status, 200)
  })

  it('never refuses a Go node, which would send the same for ever', async () => {
    await using plane = await startControlPlane()
    const go = await enrolGo(plane)
    await sync(go, { entries: [entry('k', 5, 5)] })
    const mixed = { entries: [entry('k', 4, 4), { key: '' }, entry('good', 1, 1)], deleted: [7] }
    const bodies: [string | Buffer<ArrayBuffer>, Record<string, string>][] = [
      [JSON.stringify(mixed), {}],
      ['{', {}],
      ['', {}],
      ['"x"', {}],
      ['{"__proto__":1}', {}],
      ['x', { 'content-encoding': 'gzip' }],
      [gzipSync(Buffer.alloc(65 * 1024 * 1024)), { 'content-encoding': 'gzip' }],
    ]
    for (const [body, headers] of bodies)
      assert.equal((await send(plane, go, body, headers)).status, 200)
    assert.deepEqual(await heldOf(plane), ['good@1', 'k@5'])
  })

  it('takes what fits of a large batch of a Go node, and shows how much did not', async () => {
    await using plane = await startControlPlane()
    const go = await enrolGo(plane)
    const deep = JSON.stringify(entry('deep', 1, 1, 0)).replace(
      '"payload":0',
      `"payload":${nested(1_000)}`,
    )
    const fill = Array.from({ length: 20 }, (_, n) => entry(`k${n}`, 1, 1, 'x'.repeat(1024 * 1024)))
    const text = `{"entries":[${deep},${fill.map((one) => JSON.stringify(one)).join()}]}`
    const packed = gzipSync(text)
    assert.equal((await send(plane, go, packed, { 'content-encoding': 'gzip' })).status, 200)
    // The deep one, and the one in which 16 MiB end.
    const { body } = await plane.admin.getNode({ params: { node: 'web' } })
    assert.equal(body.reports_left_out, 2)
    assert.equal((await plane.admin.getReport({ params: { node: 'web', key: 'k14' } })).status, 200)
    assert.equal((await send(plane, go, '{}')).status, 200)
    const after = await plane.admin.getNode({ params: { node: 'web' } })
    assert.equal(after.body.reports_left_out, 0)
  })

  it('refuses in no time what would take minutes to parse', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    for (const text of [
      `{"entries":${nested(10_000_000)}}`,
      `{"deleted":[${'"",'.repeat(4_000_000)}""]}`,
      `{"x":[${'1,'.repeat(6_000_000)}1]}`,
    ]) {
      const packed = gzipSync(text)
      const started = process.cpuUsage()
      const { status } = await send(plane, web, packed, { 'content-encoding': 'gzip' })
      const { user, system } = process.cpuUsage(started)
      assert.equal(status, 413)
      assert.ok(user + system < 1_000_000, `${(user + system) / 1_000} ms of CPU`)
    }
  })

  it('knows a batch again whose answer was lost', async () => {
    await using plane = await startControlPlane()
    const go = await enrolGo(plane)
    await sync(go, { entries: [entry('k', 1, 1)] })
    // Deleted and written again: k@1 of second 2. The answer is lost, and the node deletes it.
    const lost = { entries: [entry('k', 1, 2)], deleted: ['k'] }
    await sync(go, lost)
    await sync(go, { entries: lost.entries, deleted: ['k', 'k'] })
    assert.deepEqual(await heldOf(plane), [])
  })

  it('holds no more than its measure for one node', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const entries = Array.from({ length: 10_001 }, (_, index) => entry(`k${index}`, 1, 1))
    await assert.rejects(sync(web, { entries }), { status: 413 })
    const { body } = await plane.admin.listReports({
      params: { node: 'web' },
      query: { limit: '1000' },
    })
    assert.equal(body.items.length, 1_000)
    assert.notEqual(body.next, null)
  })
})
