import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import type http from 'node:http'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { createFakeClock, type FakeClock, serve, until as untilSo } from '@plexd/runtime/testing'
import { readForwards } from '../config/forwards.ts'
import { startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

interface Request {
  path: string
  headers: http.IncomingHttpHeaders
  body: string
}
interface Answer {
  status: number
  headers?: Record<string, string>
  body?: string
}

/** Somebody else's server that remembers what it was sent. */
interface Receiver extends AsyncDisposable {
  url: string
  requests: Request[]
  /** What the next requests are answered; those behind them get 200. */
  answers: Answer[]
}

async function startReceiver(): Promise<Receiver> {
  const requests: Request[] = []
  const answers: Answer[] = []
  const server = await serve(async (request, response) => {
    const bytes = Buffer.concat(await Array.fromAsync(request))
    const isPacked = request.headers['content-encoding'] === 'gzip'
    const body = (isPacked ? gunzipSync(bytes) : bytes).toString()
    requests.push({ path: request.url ?? '', headers: request.headers, body })
    const { status, headers = {}, body: answer = '' } = answers.shift() ?? { status: 200 }
    response.writeHead(status, headers).end(answer)
  })
  return {
    url: server.url,
    requests,
    answers,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const web = { tenant_id: '', node_id: 'n_web' }
const line = (message: string, more: object = {}) =>
  JSON.stringify({ timestamp: '2025-01-15T10:30:00.123456789Z', message, ...more })

async function append(plane: TestControlPlane, ...messages: string[]): Promise<void> {
  const { telemetry, firstTenantId: tenant_id } = plane.app
  const records = messages.map((message) => line(message))
  await telemetry.append({ kind: 'logs', source: { ...web, tenant_id }, records })
}

/**
 * Waits until it is so. Of the clock only some seconds pass meanwhile, however long the machine takes: enough for what gathers,
 * and less than targets are waited for that ask for 20 s.
 */
async function until(clock: FakeClock, what: string, isSo: () => boolean, seconds = 5) {
  let left = seconds
  await untilSo(what, async () => {
    if (!isSo() && left-- > 0) await clock.advance(1_000)
    return isSo()
  })
}

/** What a Loki was sent, all but repeats. */
const linesOf = ({ requests }: Receiver): string[] => [
  ...new Set(
    requests.flatMap(({ body }) =>
      (JSON.parse(body) as { streams: { values: [string, string][] }[] }).streams.flatMap(
        ({ values }) => values.map(([, text]) => text),
      ),
    ),
  ),
]
const lokiAt = ({ url }: Receiver, name = 'loki', more: object = {}) => ({
  name,
  kind: 'loki',
  url: `${url}/loki/api/v1/push`,
  kinds: ['logs'],
  ...more,
})

describe('forwards', () => {
  it('send what comes, with the headers of files, and show how far they are', async () => {
    await using folder = await makeTemporaryFolder()
    const token = join(folder.path, 'token')
    await writeFile(token, 'Bearer s3cret\n', { mode: 0o600 })
    await using receiver = await startReceiver()
    const clock = createFakeClock()
    const forwards = readForwards([
      lokiAt(receiver, 'loki', {
        url: `${receiver.url}/push?key=k`,
        header_files: { Authorization: token },
      }),
    ])
    await using plane = await startControlPlane({ clock, config: { forwards } })
    await append(plane, 'one', 'two')
    await until(clock, 'a request', () => receiver.requests.length > 0)
    const [{ path, headers } = assert.fail()] = receiver.requests
    assert.equal(path, '/push?key=k')
    assert.equal(headers.authorization, 'Bearer s3cret')
    assert.equal(headers['content-type'], 'application/json')
    assert.deepEqual(linesOf(receiver), ['one', 'two'])
    await until(clock, 'nothing to wait', () => plane.app.forwards.status()[0]?.lag_seconds === 0)
    const { items } = (await plane.admin.listForwards({})).body
    const { sent_at, ...item } = items[0] ?? assert.fail()
    assert.deepEqual(item, {
      name: 'loki',
      kind: 'loki',
      url: `${receiver.url}/push`,
      tenant: null,
      selector: null,
      records: 'logs',
      sent: 2,
      refused: 0,
      removed: 0,
      lag_seconds: 0,
      error: null,
      error_at: null,
    })
    assert.ok(sent_at)
    const text = await (await fetch(`${plane.url}/metrics`)).text()
    assert.match(
      text,
      /^plexd_forward_records_total\{forward="loki",records="logs",outcome="sent"\} 2$/m,
    )
  })

  it('send again what a target does not take now, as late as it asks, across a restart, and hold up no other', async () => {
    await using folder = await makeTemporaryFolder()
    await using slow = await startReceiver()
    await using other = await startReceiver()
    const clock = createFakeClock()
    const forwards = readForwards([lokiAt(slow, 'slow'), lokiAt(other, 'other')])
    const config = { forwards }
    slow.answers.push({ status: 429, headers: { 'retry-after': '20' } })
    {
      await using plane = await startControlPlane({ dataDir: folder.path, clock, config })
      await append(plane, 'one')
      await until(
        clock,
        'a request at each',
        () => slow.requests.length === 1 && other.requests.length === 1,
      )
      await append(plane, 'two')
      await until(clock, 'both lines at the other', () => linesOf(other).length === 2)
      assert.equal(slow.requests.length, 1)
      const [first] = plane.app.forwards.status()
      assert.equal(first?.error, 'it answered 429')
      assert.ok((first?.lag_seconds ?? 0) > 0)
    }
    await using plane = await startControlPlane({ dataDir: folder.path, clock, config })
    await until(clock, 'both lines at the slow one', () => linesOf(slow).length === 2)
    await until(clock, 'no errors', () =>
      plane.app.forwards.status().every(({ error }) => error === null),
    )
    assert.deepEqual(linesOf(other), ['one', 'two'])
  })

  it('send what is refused once, and what is too large in parts', async () => {
    await using receiver = await startReceiver()
    const clock = createFakeClock()
    const config = { forwards: readForwards([lokiAt(receiver)]) }
    await using plane = await startControlPlane({ clock, config })
    const status = () => plane.app.forwards.status()[0] ?? assert.fail()
    receiver.answers.push({ status: 400, body: 'entry too far behind' })
    await append(plane, 'old', 'older')
    await until(clock, 'both refused', () => status().refused === 2)
    assert.equal(receiver.requests.length, 1)
    assert.equal(status().error, 'it answered 400: entry too far behind')

    receiver.answers.push({ status: 413 }, { status: 413 }, { status: 413 })
    await append(plane, 'a', 'b', 'c')
    await until(clock, 'all settled', () => status().sent + status().refused === 5)
    assert.deepEqual([status().sent, status().refused], [2, 3])
    // abc, ab, a, b, c
    assert.equal(receiver.requests.length, 1 + 5)
  })

  it('count what is kept no longer before it could be sent', async () => {
    await using receiver = await startReceiver()
    const clock = createFakeClock()
    const config = { forwards: readForwards([lokiAt(receiver)]) }
    await using plane = await startControlPlane({ clock, config })
    const status = () => plane.app.forwards.status()[0] ?? assert.fail()
    receiver.answers.push({ status: 503, headers: { 'retry-after': '20' } })
    await append(plane, 'held')
    await until(clock, 'the first request', () => receiver.requests.length === 1)
    await append(plane, 'lost', 'lost too')
    await clock.advance(1_000)
    await append(plane, 'last')
    const size = { maxBytes: 1e9, maxAuditBytes: 1e9, maxTenantBytes: 1e9 }
    await plane.app.telemetry.prune({ beforeMs: clock.now(), ...size })
    await until(clock, 'the last line', () => linesOf(receiver).includes('last'), 60)
    await until(clock, 'nothing to wait', () => status().lag_seconds === 0)
    assert.deepEqual([status().sent, status().removed], [2, 2])
    assert.deepEqual(linesOf(receiver), ['held', 'last'])
  })

  it('are of the nodes that a selector names, and forget what they were not set up for', async () => {
    await using folder = await makeTemporaryFolder()
    await using receiver = await startReceiver()
    const clock = createFakeClock()
    const only = { selector: 'env=prod', tenant: 'default' }
    const config = { forwards: readForwards([lokiAt(receiver, 'loki', only)]) }
    {
      await using plane = await startControlPlane({ dataDir: folder.path, clock, config })
      const prod = await plane.enrol('prod', { metadata: { env: 'prod' } })
      const source = { tenant_id: plane.app.firstTenantId, node_id: prod.node_id }
      await append(plane, 'of a node that is gone')
      await plane.app.telemetry.append({
        kind: 'logs',
        source,
        records: [line('of prod', { unit: 'nginx', severity: 'warn' })],
      })
      await until(clock, 'a request', () => receiver.requests.length > 0)
      assert.deepEqual(linesOf(receiver), ['of prod'])
      assert.match(
        receiver.requests[0]?.body ?? '',
        /"stream":\{"job":"plexd\/logs","tenant":"default","node":"prod","unit":"nginx","severity":"warn"\},"values":\[\["1736937000123456789","of prod"\]\]/,
      )
    }
    {
      await using without = await startControlPlane({ dataDir: folder.path, clock })
      await append(without, 'while there was none')
    }
    await using again = await startControlPlane({
      dataDir: folder.path,
      clock,
      config: { forwards: readForwards([lokiAt(receiver)]) },
    })
    await append(again, 'afterwards')
    await until(clock, 'the line afterwards', () => linesOf(receiver).includes('afterwards'))
    assert.deepEqual(linesOf(receiver), ['of prod', 'afterwards'])
    await assert.rejects(
      startControlPlane({
        config: { forwards: readForwards([lokiAt(receiver, 'x', { tenant: 'y' })]) },
      }),
      { message: 'start forward "x": there is no tenant "y"' },
    )
  })
})
