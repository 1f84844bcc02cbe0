import assert from 'node:assert/strict'
import net from 'node:net'
import { describe, it } from 'node:test'
import { allowsAction } from '@plexd/protocol'
import { Type } from 'typebox'
import { ActionRefusal, defineAction } from '../../actions/define.ts'
import type { ActionExecutor } from '../../actions/executor.ts'
import { jsonOutput } from '../../actions/output.ts'
import type { SessionCaller } from '../../sessions/admit.ts'
import { SessionRefusal } from '../../sessions/authorisation/refusal.ts'
import { startPlace } from '../../testing/local-api-place.ts'

const root = process.getuid?.() === 0

const ping = defineAction({
  name: 'diagnostics.ping_peer',
  description: 'Ping a peer',
  parameters: Type.Object({ peer_id: Type.String({ description: 'Which peer' }) }),
  timeoutMs: 60_000,
  run: async (parameters) => jsonOutput(parameters),
})

type Asked = Parameters<ActionExecutor['runLocal']>[0]

function sessionOf(actions: string[]): SessionCaller {
  return {
    actions,
    mayRun: (action) => allowsAction(actions, action),
    triggeredBy: { type: 'session', session_id: 'sess_1' },
  }
}

function setUp(
  end: (asked: Asked, signal?: AbortSignal) => unknown = () => {},
  overrides: Parameters<typeof startPlace>[1] = {},
) {
  const asked: Asked[] = []
  const place = startPlace(
    {},
    {
      actions: { all: () => [ping], find: (name) => (name === ping.name ? ping : undefined) },
      async runAction(request, signal) {
        asked.push(request)
        await end(request, signal)
        const { execution_id, triggered_by } = request
        return {
          execution_id,
          status: 'success',
          exit_code: 0,
          stdout: '{}',
          stderr: '',
          triggered_by,
        }
      },
      ...overrides,
    },
  )
  return { asked, place }
}

const post = (body: unknown) => ({ body: typeof body === 'string' ? body : JSON.stringify(body) })

describe('GET /v1/actions', () => {
  it('lists the actions as they are declared', async () => {
    await using place = await setUp().place
    const { status, json } = await place.unix('GET', '/v1/actions')
    assert.equal(status, 200)
    assert.deepEqual(json, [
      {
        type: 'builtin',
        name: 'diagnostics.ping_peer',
        description: 'Ping a peer',
        parameters: [
          { name: 'peer_id', type: 'string', required: true, description: 'Which peer' },
        ],
        timeout: '1m0s',
      },
    ])
  })
})

describe('POST /v1/actions/run', () => {
  it('runs an action for its caller, and answers with the result', async () => {
    const { asked, place: starting } = setUp()
    await using place = await starting
    const run = { action: 'diagnostics.ping_peer', parameters: { peer_id: 'db' }, timeout: '5s' }
    const { status, json } = await place.unix('POST', '/v1/actions/run', post(run))
    assert.equal(status, 200)
    const [request] = asked
    assert.partialDeepStrictEqual(request, run)
    assert.match(String(request?.execution_id), /^local_/)
    assert.equal(request?.triggered_by?.type, 'direct_access')
    if (root) assert.equal(request?.triggered_by?.user_id, 'root (0)')
    assert.partialDeepStrictEqual(json, { status: 'success', action: run.action, stdout: '{}' })
  })

  it('refuses a body that is none, by what is wrong with it', async () => {
    const { asked, place: starting } = setUp()
    await using place = await starting
    const cases: [unknown, RegExp][] = [
      ['', /request body is no JSON/],
      ['{', /request body is no JSON/],
      ['[]', /want an object/],
      [{}, /has no "action"/],
      [{ action: '' }, /action/],
      [{ action: 7 }, /action/],
      [{ action: 'x'.repeat(1_000) }, /action/],
      [{ action: 'x', parameters: { a: [] } }, /parameters/],
      [{ action: 'x', parameters: 'a=b' }, /parameters/],
      [{ action: 'x', timeout: 'soon' }, /timeout "soon": want a duration/],
      [{ action: 'x', timeout: '-1s' }, /timeout "-1s": want a duration/],
      [{ action: 'x', timeout: '0s' }, /timeout "0s": want a duration/],
      [{ action: 'x', parameters: { a: 'y'.repeat(100_000) } }, /larger than 65536 bytes/],
      ['['.repeat(500), /nested deeper/],
    ]
    for (const [body, message] of cases) {
      const { status, json } = await place.unix('POST', '/v1/actions/run', post(body))
      assert.equal(status, 400, JSON.stringify(body).slice(0, 80))
      assert.match(Object(json).error, message)
    }
    assert.deepEqual(asked, [])
  })

  it('answers a refusal with a status of its own', async () => {
    const cases: [string, number, RegExp][] = [
      ['unknown_action', 404, /^no action "x" on this node$/],
      ['invalid_parameters: count "many": want a whole number', 400, /^count "many": want/],
      ['max_concurrent_reached', 429, /actions\.max_concurrent/],
      ['shutting_down', 503, /stopping/],
      ['actions_disabled', 409, /actions\.enabled: false/],
      ['integrity violation', 409, /^integrity violation$/],
    ]
    const tooLong = new RangeError('timeout "99h": want at most 10m0s')
    for (const [reason, status, message] of [...cases, [tooLong, 400, /^timeout "99h"/] as const]) {
      const error = typeof reason === 'string' ? new ActionRefusal(reason) : reason
      const refuse = () => Promise.reject(error)
      await using place = await setUp(refuse).place
      const answer = await place.unix('POST', '/v1/actions/run', post({ action: 'x' }))
      assert.equal(answer.status, status, String(reason))
      assert.match(Object(answer.json).error, message)
      assert.ok(place.messages.includes('action rejected'))
    }
  })

  it('is for no holder of the token', async () => {
    const { asked, place: starting } = setUp()
    await using place = await starting
    for (const [method, path] of [
      ['GET', '/v1/actions'],
      ['POST', '/v1/actions/run'],
    ] as const) {
      const answer = await place.tcp(method, path, post({ action: 'x' }))
      assert.equal(answer.status, 403)
      assert.equal(Object(answer.json).error, 'forbidden: only root may run actions')
    }
    assert.deepEqual(asked, [])
  })

  it('is for programs in a session too, as far as that may', async () => {
    const { asked, place: starting } = setUp(() => {}, {
      async admitSession(token, uid) {
        if (token !== 'good') throw new SessionRefusal('session "sess_1" is not open on this node')
        assert.equal(uid, process.getuid?.())
        return sessionOf(['diagnostics.*'])
      },
    })
    await using place = await starting
    const shown = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
    const run = (action: string, token: string) =>
      place.unix('POST', '/v1/actions/run', { ...post({ action }), ...shown(token) })

    const { json } = await place.unix('GET', '/v1/actions', shown('good'))
    assert.partialDeepStrictEqual(json, [{ name: 'diagnostics.ping_peer' }])
    assert.equal((await run('diagnostics.ping_peer', 'good')).status, 200)
    assert.deepEqual(asked[0]?.triggered_by, { type: 'session', session_id: 'sess_1' })

    const refused = await run('service.restart', 'good')
    assert.equal(refused.status, 403)
    assert.equal(
      Object(refused.json).error,
      'forbidden: this session may not run "service.restart": it may run "diagnostics.*"',
    )
    for (const answer of [
      await run('diagnostics.ping_peer', 'bad'),
      await place.unix('GET', '/v1/actions', shown('bad')),
    ]) {
      assert.equal(answer.status, 403)
      assert.match(Object(answer.json).error, /^forbidden: session "sess_1" is not open/)
    }
    assert.equal(asked.length, 1)
  })

  it('shows a session no more than it may run, and gives it nothing else', async () => {
    const { place: starting } = setUp(() => {}, { admitSession: async () => sessionOf([]) })
    await using place = await starting
    const shown = { headers: { authorization: 'Bearer good' } }
    assert.deepEqual((await place.unix('GET', '/v1/actions', shown)).json, [])
    // The token of a session over TCP is a wrong one there.
    assert.equal((await place.tcp('GET', '/v1/actions', shown)).status, 401)
  })

  it('is cancelled when its caller hangs up', async () => {
    const cancelled = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const { place: starting } = setUp((_asked, signal) => {
      begun.resolve()
      signal?.addEventListener('abort', () => cancelled.resolve())
      return cancelled.promise
    })
    await using place = await starting
    const caller = net.connect(place.socketPath)
    caller.write(
      'POST /v1/actions/run HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n{"action":"x"}',
    )
    await begun.promise
    caller.destroy()
    await cancelled.promise
  })

  it('says that the daemon is not ready yet', async () => {
    await using place = await startPlace()
    const answer = await place.unix('POST', '/v1/actions/run', post({ action: 'x' }))
    assert.equal(answer.status, 503)
  })
})
