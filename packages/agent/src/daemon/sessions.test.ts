import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { userInfo } from 'node:os'
import { join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { createClient, localApi, type SessionClaims } from '@plexd/protocol'
import { createUnixTransport, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { ToServer } from '../sessions/link.ts'
import { createServerStarter, type StartServer } from '../sessions/server-process.ts'
import { aSetup, signToken } from '../sessions/testing/session-tokens.ts'
import { type FakeControlPlane, startFakeControlPlane } from '../testing/fake-control-plane.ts'
import { configFor, makeFolder, startTestAgent } from '../testing/node.ts'

const program = join(import.meta.dirname, '../sessions/testing/fake-server-program.ts')
const startServer = createServerStarter(systemClock, () =>
  fork(program, {
    // Not those of this process, which make it a runner of tests that exits when there are none.
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  }),
)

/** Sends a setup for the user that runs this test; resolves to the session token. */
async function openSession(plane: FakeControlPlane, claims: Partial<SessionClaims> = {}) {
  const { privateKey } = plane.signer
  const sign = (all: Partial<SessionClaims>) => signToken(all, privateKey)
  const setup = await aSetup({ sign }, { login: userInfo().username, ...claims })
  await plane.publish('ssh_session_setup', setup)
  return setup.session_token ?? ''
}

describe('the sessions of a daemon', () => {
  it('are announced, opened when asked for, cut when revoked, and reported', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const config = await configFor(plane, folder.path)
    let wanted = config
    const readSettings = async () => wanted
    await using running = await startTestAgent(config, { startServer, readSettings })
    await until('a stream', () => plane.openStreams() === 1)
    const { sessions } = Object(plane.sent('/v1/register')[0]?.body).capabilities
    assert.match(sessions.host_key, /^ssh-ed25519 AAAA/)
    assert.equal(sessions.max_sessions, 10)

    await openSession(plane)
    const ready = await until('ready', () => plane.sent('/tunnels/sess_1/ready')[0])
    assert.partialDeepStrictEqual(ready.body, { listen_addr: 'relay' })
    const local = createClient(localApi, createUnixTransport(config.socketPath))
    assert.partialDeepStrictEqual((await local.listSessions({})).body, {
      items: [{ id: 'sess_1', state: 'connected', user_name: 'ada', way: 'relay' }],
      max_sessions: 10,
      reason: '',
    })
    assert.equal((await local.getStatus({})).body.sessions?.open, 1)

    const revokedMs = performance.now()
    await plane.publish('session_revoked', { session_id: 'sess_1' })
    const closed = await until('closed', () => plane.sent('/tunnels/sess_1/closed')[0])
    assert.ok(closed.atMs - revokedMs < 1_000)
    assert.partialDeepStrictEqual(closed.body, { reason: 'revoked', bytes_in: 1, bytes_out: 2 })

    wanted = { ...config, maxSessions: 3, meshPort: 7 }
    await running.agent.reload()
    assert.deepEqual((await local.getStatus({})).body.needs_restart, ['mesh.listen_port'])
    await until('new capabilities', () =>
      plane.sent('/capabilities').some(({ body }) => Object(body).sessions.max_sessions === 3),
    )
    wanted = { ...config, sessionsEnabled: false }
    await running.agent.reload()
    assert.equal((await local.getStatus({})).body.needs_restart, undefined)
    await until('no sessions', () =>
      plane.sent('/capabilities').some(({ body }) => Object(body).sessions === undefined),
    )
    await openSession(plane, { session_id: 'sess_2' })
    const refused = await until('a refusal', () => plane.sent('/tunnels/sess_2/closed')[0])
    assert.partialDeepStrictEqual(refused.body, {
      reason: 'refused',
      detail: 'sessions are off on this node: sessions.enabled is false',
    })
  })

  it('run where its files are found, though their paths were relative to where it was started', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const config = await configFor(plane, folder.path)
    const dataDir = relative(process.cwd(), config.dataDir)
    const sent: ToServer[] = []
    const startAndListen: StartServer = (events) => {
      const server = startServer(events)
      const send = (message: ToServer): void => {
        sent.push(message)
        server.send(message)
      }
      return { ...server, send }
    }
    await using _running = await startTestAgent(
      { ...config, dataDir, caFile: 'ca.crt' },
      { startServer: startAndListen },
    )
    await until('a stream', () => plane.openStreams() === 1)

    await openSession(plane)
    await until('ready', () => plane.sent('/tunnels/sess_1/ready')[0])

    assert.partialDeepStrictEqual(sent[0], {
      type: 'settings',
      data_dir: config.dataDir,
      control_plane: { ca_file: join(process.cwd(), 'ca.crt') },
    })
  })

  it('end with it, and the next one reports those that it could not', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const config = await configFor(plane, folder.path)
    const first = await startTestAgent(config, { startServer })
    await until('a stream', () => plane.openStreams() === 1)
    await openSession(plane)
    await until('ready', () => plane.sent('/tunnels/sess_1/ready')[0])
    await first[Symbol.asyncDispose]()
    const closed = await until('closed', () => plane.sent('/tunnels/sess_1/closed')[0])
    assert.partialDeepStrictEqual(closed.body, { reason: 'shutdown' })
  })

  it('let their programs run the actions that they may, by their token', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const config = await configFor(plane, folder.path)
    await using _ = await startTestAgent(config, { startServer })
    await until('a stream', () => plane.openStreams() === 1)
    const token = await openSession(plane, { actions: ['diagnostics.*', 'health.check'] })
    await until('ready', () => plane.sent('/tunnels/sess_1/ready')[0])
    const as = (bearer: string) =>
      createClient(localApi, createUnixTransport(config.socketPath), () => bearer)
    const { body: actions } = await as(token).listActions({})
    assert.ok(actions.some(({ name }) => name === 'health.check'))
    assert.ok(actions.every(({ name }) => /^(diagnostics\.|health\.check$)/.test(name)))
    const { body: result } = await as(token).runAction({ body: { action: 'health.check' } })
    assert.partialDeepStrictEqual(result.triggered_by, {
      type: 'session',
      session_id: 'sess_1',
      user_id: 'op_1',
      email: 'ada@example.com',
    })
    await assert.rejects(
      as(token).runAction({ body: { action: 'service.restart' } }),
      /this session may not run "service.restart"/,
    )
    await assert.rejects(as(`${token}x`).listActions({}), /forbidden: the session token/)
    await plane.publish('session_revoked', { session_id: 'sess_1' })
    await until('closed', () => plane.sent('/tunnels/sess_1/closed')[0])
    await assert.rejects(as(token).listActions({}), /session "sess_1" is not open on this node/)
  })
})
