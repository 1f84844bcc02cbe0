import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock, until } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { defaultConfig } from '../config/agent-config.ts'
import { openTestDatabase } from '../testing/database.ts'
import { createSessionAdmission } from './admit.ts'
import type { Account } from './authorisation/accounts.ts'
import { openKnownSessions } from './authorisation/known-sessions.ts'
import { SessionRefusal } from './authorisation/refusal.ts'
import { createTokenVerifier } from './authorisation/token.ts'
import type { ServerSettings } from './link.ts'
import { createSessionReports, type SessionReport } from './session-reports.ts'
import { type SessionsDeps, startSessions } from './sessions.ts'
import { createFakeServer } from './testing/fake-server.ts'
import { aSetup, createTokenSigner, nodeId } from './testing/session-tokens.ts'

const signer = createTokenSigner()
const settings: ServerSettings = {
  type: 'settings',
  host_key_pem: 'key',
  mesh: null,
  control_plane: { url: 'https://cp.example.com', node_id: nodeId, token: 't' },
  data_dir: '/tmp',
  log_level: 'silent',
}

async function startPlace(database: DatabaseSync, changes: Partial<SessionsDeps> = {}) {
  const clock = createFakeClock(Date.now())
  const server = createFakeServer()
  const reported: SessionReport[] = []
  const append = async (reports: readonly SessionReport[]) => {
    reported.push(...reports)
    return true
  }
  const config = { ...defaultConfig, maxSessions: 2 }
  const verify = createTokenVerifier({ keys: () => signer.keys, nodeId, clock })
  let sweeps = 0
  const sessions = await startSessions({
    config,
    known: openKnownSessions(database, clock),
    reports: createSessionReports({ append }, { clock, log: silentLog }),
    verify,
    async findAccount(login) {
      if (login === 'locked') throw new SessionRefusal('the account of user "locked" is locked')
      return { name: login, uid: 1_001, gid: 1_001, groups: [], home: '/', shell: '/bin/sh' }
    },
    whyNone: () => '',
    hasMesh: () => false,
    async storeChunk({ index }) {
      if (index === 13) throw new Error('the disk takes nothing')
    },
    serverSettings: () => settings,
    startServer: server.start,
    async endLeftovers() {
      sweeps++
    },
    clock,
    log: silentLog,
    ...changes,
  })
  return {
    clock,
    config,
    server,
    sessions,
    reported,
    admit: createSessionAdmission(sessions, verify),
    sweeps: () => sweeps,
    /** Of a session, without times. */
    ends: (id: string) =>
      reported.flatMap((report) => {
        if (report.session_id !== id || !('closed' in report)) return []
        const { timestamp: _, ...rest } = report.closed
        return [rest]
      }),
    [Symbol.asyncDispose]: () => sessions[Symbol.asyncDispose](),
  }
}

describe('a session', () => {
  it('is handed to the session server, and reported when it is ready and when it has ended', async () => {
    using base = openTestDatabase()
    await using place = await startPlace(base.database)
    const { server, sessions } = place
    await sessions.setUp(await aSetup(signer))
    assert.deepEqual(server.heard[0], settings)
    assert.partialDeepStrictEqual(server.heard[1], {
      type: 'open',
      session: { session_id: 'sess_1', way: 'relay', idle_timeout_ms: 900_000 },
    })
    assert.partialDeepStrictEqual(sessions.list(), [
      { id: 'sess_1', state: 'waiting', login: 'deploy', user_name: 'ada', recorded: false },
    ])
    server.say({ type: 'ready', session_id: 'sess_1', listen_addr: 'relay' })
    server.say({ type: 'connected', session_id: 'sess_1', from: '10.0.0.2:5' })
    assert.partialDeepStrictEqual(sessions.list(), [{ state: 'connected', from: '10.0.0.2:5' }])
    server.end('sess_1', 'client_closed')
    await until('a report', () => place.ends('sess_1')[0])
    assert.partialDeepStrictEqual(place.reported[0], { ready: { listen_addr: 'relay' } })
    assert.deepEqual(place.ends('sess_1'), [
      {
        reason: 'client_closed',
        detail: '',
        duration: '1.5s',
        bytes_in: 3,
        bytes_out: 7,
        recording_chunks: 0,
      },
    ])
    assert.deepEqual(sessions.list(), [])
    // The last one ends the server, the next one starts it again.
    assert.equal(server.stops, 1)
    await sessions.setUp(await aSetup(signer, { session_id: 'sess_2' }))
    assert.equal(server.starts, 2)
  })

  it('is limited by what this node allows', async () => {
    using base = openTestDatabase()
    await using place = await startPlace(base.database)
    const { server, sessions, config, clock } = place
    Object.assign(config, { sessionIdleMs: 60_000, maxSessionMs: 120_000 })
    await sessions.setUp(await aSetup(signer))
    const open = server.heard[1]
    assert.ok(open?.type === 'open')
    assert.equal(open.session.idle_timeout_ms, 60_000)
    assert.equal(open.session.expires_at_ms, clock.now() + 120_000)
  })

  it('is refused for a reason that is reported, and never opened later', async () => {
    using base = openTestDatabase()
    const log: string[] = []
    await using place = await startPlace(base.database, {
      log: { ...silentLog, warn: (_message, fields) => void log.push(String(fields?.reason)) },
    })
    const other = createTokenSigner()
    const cases: [id: string, payload: Parameters<typeof place.sessions.setUp>[0], why: RegExp][] =
      [
        [
          'forged',
          await aSetup(other, { session_id: 'forged' }),
          /not signed by the control plane/,
        ],
        ['foreign', await aSetup(signer, { session_id: 'foreign', node_id: 'n_x' }), /"n_x"/],
        ['late', await aSetup(signer, { session_id: 'late', iat: 1, exp: 2 }), /has expired/],
        [
          'swapped',
          { ...(await aSetup(signer, { session_id: 'sess_7' })), session_id: 'swapped' },
          /the session token is for session "sess_7"/,
        ],
        ['locked', await aSetup(signer, { session_id: 'locked', login: 'locked' }), /is locked/],
        ['mesh', await aSetup(signer, { session_id: 'mesh' }, { way: 'mesh' }), /has no mesh/],
        [
          'keyless',
          { ...(await aSetup(signer)), session_id: 'keyless', authorized_key: 'x' },
          /key/,
        ],
        ['k8s', { ...(await aSetup(signer)), session_id: 'k8s', kind: 'k8s' }, /of kind "k8s"/],
        ['plain', { session_id: 'plain', target_host: '127.0.0.1', target_port: 22 }, /how to run/],
        [
          'unrecorded',
          await aSetup(signer, { session_id: 'unrecorded', recorded: true }),
          /there is no key for its recording/,
        ],
      ]
    for (const [id, payload, why] of cases) {
      await place.sessions.setUp(payload)
      const [end, ...more] = place.ends(id)
      assert.equal(end?.reason, 'refused', id)
      assert.match(end?.detail ?? '', why)
      assert.deepEqual(more, [])
      assert.match(log.at(-1) ?? '', why)
    }
    assert.deepEqual(place.server.heard, [])
    await place.sessions.setUp(await aSetup(signer, { session_id: 'forged' }))
    assert.deepEqual(place.server.heard, [])
    assert.equal(place.ends('forged').length, 1)
  })

  it('is opened once, whoever sends its setup again, also after a restart', async () => {
    using base = openTestDatabase()
    const setup = await aSetup(signer)
    {
      await using place = await startPlace(base.database)
      await place.sessions.setUp(setup)
      await place.sessions.setUp(setup)
      assert.equal(place.server.heard.filter(({ type }) => type === 'open').length, 1)
      place.server.end('sess_1', 'client_closed')
      await place.sessions.setUp(setup)
      assert.equal(place.server.heard.filter(({ type }) => type === 'open').length, 1)
      await until('its end', () => place.ends('sess_1').length === 1)
    }
    await using place = await startPlace(base.reopen())
    await place.sessions.setUp(setup)
    assert.deepEqual(place.server.heard, [])
    assert.deepEqual(place.reported, [])
  })

  it('is refused when as many are open as the node allows, or it allows none', async () => {
    using base = openTestDatabase()
    let why = ''
    await using place = await startPlace(base.database, { whyNone: () => why })
    for (const session_id of ['a', 'b', 'c'])
      await place.sessions.setUp(await aSetup(signer, { session_id }))
    assert.match(place.ends('c')[0]?.detail ?? '', /2 sessions are open, .*max_sessions/)
    why = 'sessions are off'
    await place.sessions.setUp(await aSetup(signer, { session_id: 'd' }))
    assert.equal(place.ends('d')[0]?.detail, 'sessions are off')
  })

  it('is cut when it is revoked, and one that was not set up yet never is', async () => {
    using base = openTestDatabase()
    const setup = await aSetup(signer, { session_id: 'later' })
    {
      await using place = await startPlace(base.database)
      await place.sessions.setUp(await aSetup(signer))
      await place.sessions.revoke({ session_id: 'sess_1' })
      assert.partialDeepStrictEqual(place.server.heard.at(-1), { type: 'close', reason: 'revoked' })
      await until('its end', () => place.ends('sess_1')[0]?.reason === 'revoked')
      await place.sessions.revoke({ session_id: 'later' })
    }
    await using place = await startPlace(base.reopen())
    await place.sessions.setUp(setup)
    assert.deepEqual(place.server.heard, [])
  })

  it('is not opened any more if it is revoked while an earlier session server still ends', async () => {
    using base = openTestDatabase()
    const { promise: stopped, resolve: end } = Promise.withResolvers<void>()
    const server = createFakeServer()
    await using place = await startPlace(base.database, {
      startServer: (events) => ({ ...server.start(events), stop: () => stopped }),
    })
    const { sessions } = place
    await sessions.setUp(await aSetup(signer))
    server.end('sess_1', 'client_closed')
    const settingUp = sessions.setUp(await aSetup(signer, { session_id: 'sess_2' }))
    await until('it waits for the server', () => sessions.find('sess_2'))
    await sessions.revoke({ session_id: 'sess_2' })
    end()
    await settingUp
    assert.equal(server.heard.filter(({ type }) => type === 'open').length, 1)
    await until('its end', () => place.ends('sess_2')[0]?.reason === 'revoked')
  })

  it('is not opened any more once plexd stops', async () => {
    using base = openTestDatabase()
    const { promise: account, resolve: find } = Promise.withResolvers<Account>()
    const place = await startPlace(base.database, { findAccount: () => account })
    const settingUp = place.sessions.setUp(await aSetup(signer))
    await place[Symbol.asyncDispose]()
    find({ name: 'deploy', uid: 1_001, gid: 1_001, groups: [], home: '/', shell: '/bin/sh' })
    await settingUp
    assert.deepEqual(place.server.heard, [])
    assert.equal(place.ends('sess_1')[0]?.detail, 'plexd is stopping')
  })

  it('is refused, and counts no more, if no session server can be started', async () => {
    using base = openTestDatabase()
    await using place = await startPlace(base.database, {
      startServer() {
        throw new Error('spawn plexd EAGAIN')
      },
    })
    await place.sessions.setUp(await aSetup(signer))
    assert.deepEqual(place.ends('sess_1'), [
      { reason: 'refused', detail: 'this node cannot open it: spawn plexd EAGAIN' },
    ])
    assert.deepEqual(place.sessions.list(), [])
  })

  it('ends with a session server that does not close it, or that fails', async () => {
    using base = openTestDatabase()
    await using place = await startPlace(base.database)
    const { server, sessions, clock } = place
    for (const session_id of ['a', 'b']) await sessions.setUp(await aSetup(signer, { session_id }))
    server.isHung = true
    await sessions.revoke({ session_id: 'a' })
    await clock.advance(2_000)
    assert.equal(server.kills, 1)
    await until('both ends', () => place.ends('a').length + place.ends('b').length === 2)
    assert.equal(place.ends('a')[0]?.reason, 'revoked')
    assert.partialDeepStrictEqual(place.ends('b')[0], {
      reason: 'error',
      detail: 'the session server failed: it was ended by SIGKILL',
    })
    assert.equal(place.sweeps(), 1)
    server.isHung = false
    await sessions.setUp(await aSetup(signer, { session_id: 'c' }))
    assert.equal(server.starts, 2)
  })

  it('ends from here if the session server does not end it in time', async () => {
    using base = openTestDatabase()
    await using place = await startPlace(base.database)
    await place.sessions.setUp(await aSetup(signer))
    await place.clock.advance(3_600_000 + 6_000)
    await until('its end', () => place.ends('sess_1')[0]?.reason === 'expired')
  })

  it('ends when plexd stops, and is reported after plexd was killed', async () => {
    using base = openTestDatabase()
    const first = await startPlace(base.database)
    await first.sessions.setUp(await aSetup(signer))
    await first[Symbol.asyncDispose]()
    assert.equal(first.ends('sess_1')[0]?.reason, 'shutdown')
    assert.equal(first.server.stops, 1)

    const second = await startPlace(base.reopen())
    assert.deepEqual(second.reported, [])
    await second.sessions.setUp(await aSetup(signer, { session_id: 'left' }))
    await using third = await startPlace(base.reopen())
    assert.deepEqual(third.ends('left'), [{ reason: 'error', detail: 'the agent was killed' }])
    await using fourth = await startPlace(base.reopen())
    assert.deepEqual(fourth.reported, [])
  })

  it('hears whether each part of its recording is kept', async () => {
    using base = openTestDatabase()
    await using place = await startPlace(base.database)
    const recording = { key: Buffer.alloc(32).toString('base64'), input: false }
    await place.sessions.setUp(await aSetup(signer, { recorded: true }, { recording }))
    const chunk = { type: 'chunk', session_id: 'sess_1', final: false } as const
    for (const index of [0, 13]) place.server.say({ ...chunk, index, bytes: new Uint8Array(1) })
    await until('two answers', () => place.server.heard.length === 4)
    assert.deepEqual(place.server.heard.slice(2), [
      { type: 'chunk_stored', session_id: 'sess_1', index: 0 },
      { type: 'chunk_failed', session_id: 'sess_1', index: 13, why: 'the disk takes nothing' },
    ])
  })

  it('is reported once at its end, and opened once, whatever happens in which order', async () => {
    const step = fc.record({
      do: fc.constantFrom('setUp', 'revoke', 'ready', 'end', 'crash', 'restart', 'kill'),
      id: fc.constantFrom('a', 'b', 'c'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        using base = openTestDatabase()
        const opened = new Map<string, number>()
        const ends = new Map<string, number>()
        let place = await startPlace(base.database)
        function count(): void {
          for (const message of place.server.heard.splice(0)) {
            if (message.type !== 'open') continue
            const { session_id } = message.session
            opened.set(session_id, (opened.get(session_id) ?? 0) + 1)
          }
          for (const report of place.reported.splice(0))
            if ('closed' in report)
              ends.set(report.session_id, (ends.get(report.session_id) ?? 0) + 1)
        }
        for (const { do: what, id } of steps) {
          if (what === 'setUp') await place.sessions.setUp(await aSetup(signer, { session_id: id }))
          else if (what === 'revoke') await place.sessions.revoke({ session_id: id })
          else if (what === 'ready')
            place.server.say({ type: 'ready', session_id: id, listen_addr: 'relay' })
          else if (what === 'end') place.server.end(id, 'idle')
          else if (what === 'crash') place.server.crash('it ended with exit code 1')
          else {
            if (what === 'restart') await place[Symbol.asyncDispose]()
            count()
            place = await startPlace(base.reopen())
          }
          await new Promise(setImmediate)
          count()
        }
        await place[Symbol.asyncDispose]()
        count()
        for (const times of opened.values()) assert.equal(times, 1)
        for (const id of opened.keys()) assert.equal(ends.get(id), 1, `ends of "${id}"`)
      }),
      { numRuns: 40 },
    )
  })
})

describe('a program in a session', () => {
  it('is known by the token of its session and by its user, as long as that is open', async () => {
    using base = openTestDatabase()
    await using place = await startPlace(base.database)
    const setup = await aSetup(signer)
    const token = setup.session_token ?? ''
    await assert.rejects(place.admit(token, 1_001), /session "sess_1" is not open on this node/)
    await place.sessions.setUp(setup)
    const caller = await place.admit(token, 1_001)
    assert.deepEqual(caller.triggeredBy, {
      type: 'session',
      session_id: 'sess_1',
      user_id: 'op_1',
      user_name: 'ada',
      email: 'ada@example.com',
    })
    assert.ok(caller.mayRun({ type: 'hook', name: 'backup' }))
    assert.ok(!caller.mayRun({ type: 'builtin', name: 'service.restart' }))
    for (const uid of [0, 1_002, undefined])
      await assert.rejects(place.admit(token, uid), /is of user "deploy", and this program is not/)
    const wider = await signer.sign({ actions: ['*'] })
    await assert.rejects(place.admit(wider, 1_001), /is not open/)
    await assert.rejects(place.admit(await createTokenSigner().sign({}), 1_001), /not signed/)
    await place.sessions.revoke({ session_id: 'sess_1' })
    await assert.rejects(place.admit(token, 1_001), /is not open/)
  })
})
