import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { adminApi, codeOf, controlApi, fillPath, type Operation } from '@plexd/protocol'
import { type System, startSystem } from '../support/system.ts'
import { badBodies } from './bad-bodies.ts'
import { createTarget, goodRequest, type Target } from './good-requests.ts'
import { openRaw, type RawConnection } from './raw-connection.ts'

const operations: [string, Operation][] = [
  ...Object.entries(controlApi),
  ...Object.entries(adminApi),
]
const withJson = operations.filter(
  ([, { request, requestKind }]) => request !== undefined || requestKind === 'batch',
)

/** Far less than by default: nobody here is slow for another reason. */
const bodyMs = 2_000
/** The longest line of the log: log.ts bounds its fields, and there are a few of them. */
const maxLogLine = 64 * 1024

describe('every operation under bodies that should not be read', () => {
  let system: System
  let target: Target
  let bearer: string
  /** A node that lives beside all of it. */
  let healthy: { stop(): Promise<number> }
  before(async () => {
    system = await startSystem({
      args: [
        `body_ms=${bodyMs}`,
        `stranger_body_ms=${bodyMs}`,
        // All that is refused here comes from one node.
        'node_bytes_per_second=1000000000',
      ].flatMap((limit) => ['--limit', limit]),
    })
    target = await createTarget(system)
    bearer = await system.bootstrapToken()
    healthy = await liveHealthily(system)
  })
  after(() => system[Symbol.asyncDispose]())

  const requestOf = (name: string, operation: Operation) => {
    const { token, ...good } = goodRequest(target, name, operation)
    // Nothing is unpacked for who registers without a token that could be used.
    return { ...good, token: operation.auth === 'bootstrap' ? bearer : token }
  }

  for (const [name, operation] of withJson)
    it(`${operation.method} ${operation.path} answers the status of its row`, async () => {
      const { params, token } = requestOf(name, operation)
      for (const { what, body, headers = {}, status } of badBodies(operation)) {
        const answer = await system.call(operation, { params, token, body, headers })
        assert.equal(answer.status, status, `${what}: ${answer.text}`)
        assert.equal(answer.json<{ code: string }>().code, codeOf(status))
        assert.ok(answer.text.length < 1_024, what)
      }
    })

  it('ignores a body where none is asked for', async () => {
    for (const [name, operation] of operations) {
      const { request, requestKind, method, auth } = operation
      if (request || requestKind || method === 'GET' || auth === 'none') continue
      const { params } = requestOf(name, operation)
      // By nobody: what is asked for here is not to be done.
      for (const body of ['', '{', '['.repeat(100_000)])
        assert.equal((await system.call(operation, { params, token: 'nobody', body })).status, 401)
    }
  })

  it('answers 408 to what never comes, and the limit to what never ends', async () => {
    const raws = await Promise.all(withJson.map(() => openRaw(system.controlPlane)))
    const endless = Buffer.from(`10000\r\n${' '.repeat(65_536)}\r\n`)
    await Promise.all(
      withJson.map(async ([name, operation], index) => {
        using slow = raws[index] as RawConnection // one for each
        slow.write(`${headOf(requestOf(name, operation))}Content-Length: 100\r\n\r\n{`)
        await slow.answered()
        assert.match(slow.text(), /^HTTP\/1\.1 408 /, name)
      }),
    )
    const small = withJson.filter(([, { maxBodyBytes = 0 }]) => maxBodyBytes <= 4 * 1024 * 1024)
    for (const [name, operation] of small) {
      using raw = await openRaw(system.controlPlane)
      raw.write(`${headOf(requestOf(name, operation))}Transfer-Encoding: chunked\r\n\r\n`)
      while (raw.text() === '' && raw.isOpen()) await raw.send(endless)
      assert.match(raw.text(), new RegExp(`^HTTP/1\\.1 ${operation.gateStatus ?? 413} `), name)
    }
  })

  it('answers every one of a hundred that come at once', async () => {
    using raw = await openRaw(system.controlPlane)
    const deep = '['.repeat(65)
    const request = `${headOf(requestOf('heartbeat', controlApi.heartbeat))}Content-Length: 65\r\n\r\n${deep}`
    raw.write(request.repeat(100))
    raw.write(`GET /v1/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    assert.ok(await raw.closed(10_000))
    const statuses = raw.text().match(/HTTP\/1\.1 \d+/g)
    assert.deepEqual(statuses, [...Array(100).fill('HTTP/1.1 400'), 'HTTP/1.1 200'])
  })

  for (const [what, text] of [
    ['nested 20 million deep', () => '['.repeat(20_000_000)],
    ['of 16 million deletions', () => `{"deleted":[${'"",'.repeat(16_000_000)}""]}`],
    ['of 12 million numbers', () => `{"entries":[${'1,'.repeat(12_000_000)}1]}`],
  ] as const)
    it(`refuses a report ${what} for the price of a look`, async () => {
      const body = gzipSync(text())
      const { pid } = system.controlPlane.program()
      const before = await cpuSeconds(pid)
      const { status } = await target.node.call(controlApi.syncReports, {
        body,
        headers: { 'content-encoding': 'gzip' },
      })
      assert.equal(status, 413)
      assert.ok((await cpuSeconds(pid)) - before < 1)
    })

  it('has failed nobody meanwhile, nor filled its log', async () => {
    assert.ok((await healthy.stop()) > 0)
    const { child, log } = system.controlPlane.program()
    assert.equal(child.exitCode, null)
    const text = await log()
    assert.doesNotMatch(text, /request failed|uncaught|unhandled/i)
    assert.ok(Math.max(...text.split('\n').map((line) => line.length)) < maxLogLine)
  })

  function headOf({ operation, params, token }: ReturnType<typeof requestOf>): string {
    return (
      `${operation.method} ${fillPath(operation.path, params)} HTTP/1.1\r\nHost: x\r\n` +
      `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\n`
    )
  }
})

/** A heartbeat after the other, each answered. Stopping answers how many there were. */
async function liveHealthily(system: System): Promise<{ stop(): Promise<number> }> {
  const node = await system.enrol('healthy')
  let isOver = false
  const run = async (): Promise<number> => {
    let answered = 0
    for (; !isOver; answered++)
      assert.equal((await node.call(controlApi.heartbeat, { body: {} })).status, 200)
    return answered
  }
  const running = run()
  running.catch(() => {}) // it is waited for in the end
  return {
    stop() {
      isOver = true
      return running
    },
  }
}

/** User and system time of a process, in ticks of a hundredth of a second. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
