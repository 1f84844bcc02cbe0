import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import {
  adminApi,
  codeOf,
  controlApi,
  defaultMaxBodyBytes,
  fillPath,
  type Operation,
  roles,
} from '@plexd/protocol'
import fc from 'fast-check'
import { Compile } from 'typebox/compile'
import { rssBytesOf } from '../support/memory.ts'
import { type RawAnswer, type RawRequest, type System, startSystem } from '../support/system.ts'
import { createTarget, type GoodRequest, goodRequest, type Target } from './good-requests.ts'
import { mutations } from './mutate.ts'
import { openRaw, type RawConnection } from './raw-connection.ts'

const seed = Number(process.env.PLEXD_HOSTILE_SEED ?? Date.now() % 1_000_000)
const operations: [string, Operation][] = [
  ...Object.entries(controlApi),
  ...Object.entries(adminApi),
]

/** What must be the same after everything that should have changed nothing. */
async function stateOf({ system, node, executionId }: Target): Promise<unknown> {
  const { admin } = system
  const params = { node: node.node_id }
  const { body } = await admin.getNode({ params })
  const { last_seen_at: _, connected: __, fetched_revision: ___, status: ____, ...stable } = body
  return {
    node: { ...stable, heartbeat: null, clock_skew_seconds: 0 },
    nodes: (await admin.listNodes({})).body.items.length,
    tokens: (await admin.listTokens({})).body,
    data: (await admin.listData({})).body,
    secrets: (await admin.listSecrets({})).body,
    policies: (await admin.listPolicies({})).body,
    reports: (await admin.listReports({ params })).body,
    execution: (await admin.getExecution({ params: { execution_id: executionId } })).body,
    executions: (await admin.listExecutions({ params })).body.items.length,
    keys: (await admin.listSigningKeys({})).body,
    artifacts: (await admin.listArtifacts({})).body,
    operators: (await admin.listAdminTokens({})).body,
    telemetry: await Promise.all(
      ['logs', 'metrics', 'audit', 'drift', 'violations'].map(
        async (kind) => (await admin.listTelemetry({ params: { ...params, kind } })).body,
      ),
    ),
  }
}

function assertRefused(answer: RawAnswer, statuses: readonly number[], what: string): void {
  assert.ok(statuses.includes(answer.status), `${what}: ${answer.status} ${answer.text}`)
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/, what)
  const body = answer.json<{ error: unknown; code: unknown }>()
  assert.equal(body.code, codeOf(answer.status), what)
  assert.equal(typeof body.error, 'string', what)
  assert.doesNotMatch(answer.text, /node_modules|\.ts:\d|^\s+at /m, what)
}

function assertRefusedRaw(raw: RawConnection, what: string): void {
  const [head = '', body = ''] = raw.text().split('\r\n\r\n')
  const status = Number(head.split(' ')[1])
  assert.ok(status >= 400 && status < 500, `${what}: ${head}`)
  assert.equal((JSON.parse(body) as { code: unknown }).code, codeOf(status), what)
}

describe('a control plane under hostile requests', () => {
  let system: System
  let target: Target
  let viewer: string
  let stateBefore: unknown
  let lorises: RawConnection[]
  let lorisesAt: number

  const ask = ({ operation, ...good }: GoodRequest, change: RawRequest = {}) =>
    system.call(operation, { ...good, ...change, params: { ...good.params, ...change.params } })
  const rssBytes = () => rssBytesOf(system.controlPlane.program().pid)

  before(async () => {
    system = await startSystem({
      args: ['node_writes_per_second', 'wrong_tokens'].flatMap((name) => [
        '--limit',
        `${name}=1000000`,
      ]),
    })
    target = await createTarget(system)
    viewer = (await system.adminWith('viewer')).token
    stateBefore = await stateOf(target)
    lorises = await Promise.all(Array.from({ length: 50 }, () => openRaw(system.controlPlane)))
    lorisesAt = performance.now()
    for (const [index, loris] of lorises.entries())
      loris.write(
        index % 2 === 0
          ? 'GET /v1/ping HTTP/1.1\r\nHost: x\r\nX-Slow: '
          : 'POST /v1/register HTTP/1.1\r\nHost: x\r\n',
      )
  })
  after(async () => {
    for (const loris of lorises ?? []) loris[Symbol.dispose]()
    await system[Symbol.asyncDispose]()
  })

  for (const [name, operation] of operations) {
    describe(`${operation.method} ${operation.path}`, () => {
      const good = () => goodRequest(target, name, operation)
      const { request, requestKind = 'json', auth, permission } = operation
      const limit = operation.maxBodyBytes ?? defaultMaxBodyBytes
      const tooLarge = operation.gateStatus ?? 413
      // Nothing is unpacked for who registers without a token that could be used.
      const gzip = () => ({
        'content-encoding': 'gzip',
        ...(auth === 'bootstrap' ? { authorization: `Bearer ${target.bootstrapToken}` } : {}),
      })

      if (auth === 'node' || auth === 'operator') {
        it('refuses callers without a token, with a wrong one, and with that of another kind', async () => {
          const wrong = auth === 'node' ? system.adminToken : target.node.token
          for (const authorization of [
            undefined,
            '',
            'Bearer',
            'Bearer ',
            'Bearer a b',
            `Basic ${good().token}`,
            `Bearer ${wrong}`,
            `Bearer ${good().token}x`,
            `Bearer ${'x'.repeat(8_000)}`,
          ]) {
            const headers: Record<string, string> =
              authorization === undefined ? {} : { authorization }
            const { body: _, ...rest } = good()
            assertRefused(
              await ask({ ...rest, token: '' }, { token: undefined, headers }),
              [401],
              `${authorization}`,
            )
          }
        })
      }
      if (permission && !roles.viewer.permissions.has(permission)) {
        it('refuses a viewer', async () => {
          assertRefused(await ask(good(), { token: viewer }), [403], 'viewer')
        })
      }
      if (request && requestKind !== 'batch') {
        it('refuses what is not JSON', async () => {
          for (const body of ['', '{', '[1,', '{"a":}', 'nul', '{"a":1}}'])
            assertRefused(await ask(good(), { body }), [400], JSON.stringify(body))
        })

        it('refuses every part of another type, and every required part that is missing', async () => {
          const validator = Compile(request)
          const wrong = mutations(good().body).filter(({ value }) => !validator.Check(value))
          assert.notEqual(wrong.length, 0)
          for (const { what, value } of wrong)
            assertRefused(await ask(good(), { body: JSON.stringify(value) }), [400], what)
        })

        if (requestKind === 'json')
          it('refuses a body of another kind', async () => {
            const body = JSON.stringify(good().body)
            for (const type of ['text/xml', 'multipart/form-data', 'application/octet-stream', 'x'])
              assertRefused(
                await ask(good(), { body, headers: { 'content-type': type } }),
                [400, 415],
                type,
              )
          })
      }
      if (request || requestKind === 'batch') {
        it('refuses a body that is too large, packed or not', async () => {
          const bomb = gzipSync(Buffer.alloc(limit + 1, ' '))
          assertRefused(await ask(good(), { body: bomb, headers: gzip() }), [tooLarge], 'bomb')
          if (limit > defaultMaxBodyBytes) return
          assertRefused(await ask(good(), { body: ' '.repeat(limit + 1) }), [tooLarge], 'plain')
        })

        it('refuses what cannot be unpacked', async () => {
          const packed = gzipSync(JSON.stringify(good().body ?? []))
          const spoilt = Buffer.from(packed)
          spoilt.fill(0x55, 12)
          const headers = gzip()
          assertRefused(await ask(good(), { body: spoilt, headers }), [400], 'spoilt')
          assertRefused(await ask(good(), { body: packed.subarray(0, 20), headers }), [400], 'cut')
          assertRefused(await ask(good(), { body: 'plain', headers }), [400], 'plain')
          for (const encoding of ['br', 'deflate', 'gzip, gzip', 'x', 'zstd'])
            assertRefused(
              await ask(good(), { body: packed, headers: { 'content-encoding': encoding } }),
              [415],
              encoding,
            )
        })
      }
      if (operation.query) {
        it('refuses a query of another form', async () => {
          for (const [field, values] of Object.entries(badQueries))
            for (const value of values)
              if (queryFields(operation).includes(field))
                assertRefused(
                  await ask(good(), { query: { [field]: value } }),
                  [400],
                  `${field}=${value}`,
                )
        })
      }
      if (operation.path.includes('{')) {
        it('refuses parameters that are nobody, absurd or dangerous', async () => {
          for (const name of Object.keys(good().params).filter((one) =>
            operation.path.includes(`{${one}}`),
          ))
            for (const value of absurd) {
              const { body: _, ...rest } = good()
              // An upload has no body that could be wrong.
              const token = operation.requestKind === 'bytes' ? 'nobody' : rest.token
              const answer = await ask({ ...rest, token }, { params: { [name]: value } })
              // 426: whoever asks for a WebSocket is told of the session once it is asked for as one.
              assertRefused(answer, [400, 401, 403, 404, 414, 426], `${name}=${value.slice(0, 40)}`)
            }
        })
      }
    })
  }

  it('answers 405 and what is allowed for every other method', async () => {
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
    const paths = Map.groupBy(operations, ([, { path }]) => path)
    for (const [path, rows] of paths) {
      const allowed = rows.flatMap(([, { method }]) =>
        method === 'GET' ? ['GET', 'HEAD'] : [method],
      )
      const [[name, row] = ['', rows[0]?.[1] as Operation]] = rows // a group is not empty
      for (const method of methods.filter((one) => !(allowed as string[]).includes(one))) {
        const { body: _, ...good } = goodRequest(target, name, row)
        const operation = { ...row, method } as Operation // on purpose one that the table does not have
        const answer = await ask({ ...good, operation })
        assert.equal(answer.status, 405, `${method} ${path}: ${answer.text}`)
        assert.deepEqual((answer.headers.allow ?? '').split(', ').sort(), allowed.toSorted())
        if (method !== 'HEAD')
          assert.equal(answer.json<{ code: string }>().code, 'method_not_allowed')
      }
    }
  })

  it('answers paths that lead nowhere with 4xx in JSON', async () => {
    const { url, caFile } = system.controlPlane
    for (const path of [
      '/',
      '//',
      '/v1',
      '/v1/nodes//state',
      '/v1/nodes/%00/state',
      '/v1/nodes/%ff/state',
      '/v1/nodes/%/state',
      '/v1/nodes/%zz/state',
      `/v1/nodes/${'x'.repeat(10_000)}/state`,
      '/v1/nodes/../../admin/v1/tokens',
      '/v1/nodes/n/secrets/..%2f..%2fetc%2fpasswd',
      '/V1/PING',
      '/v1/ping/',
      '/v1/ping;a=b',
      `/v1/${'a/'.repeat(2_000)}`,
      '/admin/v1/nodes/__proto__',
      '/admin/v1/nodes/constructor/reports/toString',
    ]) {
      using raw = await openRaw({ url, caFile })
      raw.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      await raw.closed(5_000)
      assertRefusedRaw(raw, path.slice(0, 60))
    }
  })

  it('answers what is no HTTP with 4xx in JSON, and ends the connection', async () => {
    const head = 'POST /v1/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
    for (const bytes of [
      'nonsense\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'GET /v1/ping HTTP/1.1\r\nHost x\r\n\r\n',
      `GET /v1/ping HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
      `GET /v1/ping HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(20_000)}\r\n`,
      `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}`,
      `${head}Content-Length: -1\r\n\r\n{}`,
      `${head}Content-Length: x\r\n\r\n{}`,
      `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      `${head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n`,
    ]) {
      using raw = await openRaw(system.controlPlane)
      raw.write(bytes)
      assert.ok(await raw.closed(5_000), `${bytes.slice(0, 60)}: still open`)
      assertRefusedRaw(raw, bytes.slice(0, 60))
    }
  })

  it('forgets a body that is cut off', async () => {
    for (const path of ['/v1/register', `/v1/nodes/${target.node.node_id}/logs`]) {
      using raw = await openRaw(system.controlPlane)
      raw.write(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${target.node.token}\r\n` +
          'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n[{"timestamp":"2025',
      )
      await delay(50)
    }
  })

  it('keeps its memory under 50 gzip bombs', async () => {
    const idleBytes = await rssBytes()
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    const path = fillPath(controlApi.sendLogs.path, { node_id: target.node.node_id })
    const head =
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${target.node.token}\r\n` +
      `Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`
    for (let batch = 0; batch < 10; batch++) {
      await Promise.all(
        Array.from({ length: 5 }, async () => {
          using raw = await openRaw(system.controlPlane)
          raw.write(head)
          raw.write(bomb)
          await raw.answered()
          assert.match(raw.text(), /^HTTP\/1\.1 (413|429|503) /)
        }),
      )
    }
    assert.ok((await rssBytes()) - idleBytes < 300 * 1024 * 1024)
  })

  it(`refuses random bodies (PLEXD_HOSTILE_SEED=${seed})`, async () => {
    const withBody = operations.filter(
      ([, { request, requestKind }]) => request || requestKind === 'batch',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...withBody),
        fc.oneof(
          fc.uint8Array({ minLength: 1, maxLength: 200 }),
          fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text)),
          fc.string({ minLength: 1, unit: 'binary' }).map((text) => Buffer.from(text)),
        ),
        async ([name, operation], bytes) => {
          const good = goodRequest(target, name, operation)
          fc.pre(!isGood(operation, bytes))
          const answer = await ask(good, { body: bytes })
          assertRefused(answer, [400], `${name} ${Buffer.from(bytes).toString('latin1')}`)
        },
      ),
      { seed, numRuns: 500 },
    )
  })

  it('answers others while 50 connections trickle, and ends those', async () => {
    const startedAt = performance.now()
    assert.equal((await system.call(controlApi.ping)).status, 200)
    assert.ok(performance.now() - startedAt < 10_000)
    // A byte now and then must not keep a connection open for ever.
    while (performance.now() - lorisesAt < 60_000 && lorises.some((loris) => loris.isOpen())) {
      for (const loris of lorises) if (loris.isOpen()) loris.write('x')
      await delay(500)
    }
    assert.equal(lorises.filter((loris) => loris.isOpen()).length, 0)
  })

  it('has changed nothing, has not failed once, and still runs', async () => {
    assert.deepEqual(await stateOf(target), stateBefore)
    const { child } = system.controlPlane.program()
    assert.equal(child.exitCode, null)
    const log = await system.controlPlane.program().log()
    assert.doesNotMatch(log, /request failed|uncaught|unhandled/i)
    assert.ok((await rssBytes()) < 600 * 1024 * 1024)
  })
})

const absurd = [
  'nobody',
  '..',
  '../../etc/passwd',
  'a/b/c',
  '%',
  '\u0000',
  '\r\nX: y',
  "' or 1=1 --",
  '__proto__',
  '$' + '{7*7}',
  '😀',
  'x'.repeat(600),
  'x'.repeat(5_000),
]

const badQueries: Record<string, string[]> = {
  limit: ['0', '-1', 'x', '1.5', '10000000', ' '],
  wait: ['x', '-1s', '1', '99h'],
  since: ['yesterday', '-'],
  selector: ['=', 'a in (', 'a=b,,', '(('],
}

function queryFields({ query }: Operation): string[] {
  const { properties = {} } = (query ?? {}) as { properties?: object } // as TypeBox makes an object's schema
  return Object.keys(properties)
}

/** Whether the bytes happen to be what the operation wants. */
function isGood({ request, requestKind }: Operation, bytes: Uint8Array): boolean {
  if (requestKind === 'batch') {
    const text = Buffer.from(bytes).toString('utf8').trim()
    // An empty array is a batch of nothing.
    return /^\[\s*\]$/.test(text)
  }
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return request !== undefined && Compile(request).Check(value)
  } catch {
    return false
  }
}
