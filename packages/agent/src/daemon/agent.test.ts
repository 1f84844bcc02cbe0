import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createClient, type ExecutionResult, localApi, type Peer } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { authority, createFakeClock, otherAuthority, until } from '@plexd/runtime/testing'
import type { AgentConfig } from '../config/agent-config.ts'
import { startFakeControlPlane } from '../testing/fake-control-plane.ts'
import { createFakeDevice } from '../testing/fake-device.ts'
import { configFor, makeFolder, startTestAgent } from '../testing/node.ts'
import { createTestSigner } from '../testing/signer.ts'
import type { WireguardDevice } from '../wireguard/device/device.ts'

const web: Peer = {
  id: 'n_web',
  public_key: Buffer.alloc(32, 1).toString('base64'),
  mesh_ip: '10.100.1.2',
  endpoint: '203.0.113.10:51820',
  allowed_ips: ['10.100.1.2/32'],
  psk: Buffer.alloc(32, 2).toString('base64'),
}

type ResultBody = ExecutionResult & { stdout: string }

describe('startAgent', () => {
  it('enrols, follows events and reports what it is', async () => {
    await using setup = await setUp()
    const { plane, config } = setup
    await using node = await setup.start()

    await until('a stream', () => plane.openStreams() === 1)
    assert.equal(existsSync(config.tokenFile), false)
    // What the fake publishes is not in the state that it has.
    await until('the pull', () => node.agent.status().revision === plane.state.revision)
    await plane.publish('peer_added', { ...web, peer_id: 'n_web' })
    await until('the peer', () => node.device.peerIds().includes('n_web'))
    const heartbeat = await until('a heartbeat', () => plane.sent('/heartbeat')[0])
    assert.partialDeepStrictEqual(heartbeat.body, {
      node_id: 'n_test',
      status: 'healthy',
      mesh: { interface: 'plexd0', listen_port: 51_820 },
    })
    assert.match(Object(heartbeat.body).binary_checksum, /^sha256:[0-9a-f]{64}$/)
    assert.equal(node.agent.status().control_plane.stream, 'connected')
  })

  it('collects no telemetry that is switched off, and says so', async () => {
    await using setup = await setUp()
    await using node = await setup.start()
    assert.deepEqual(
      node.agent.status().telemetry?.map(({ enabled, reason }) => [enabled, reason]),
      [
        [false, 'it is off: observe.enabled is false'],
        [false, 'it is off: logs.enabled is false'],
        [false, 'it is off: audit.enabled is false'],
      ],
    )
    assert.equal(existsSync(join(setup.config.dataDir, 'telemetry')), false)
  })

  it('has the peers that it was registered with before its first pull', async () => {
    await using setup = await setUp()
    const { plane } = setup
    plane.change({ peers: [web] })
    plane.override = ({ line }) => (line.endsWith('/state') ? { status: 503 } : undefined)

    await using node = await setup.start()

    assert.deepEqual(node.device.peerIds(), ['n_web'])
  })

  it('answers from its cache, and keeps its peers, while the control plane is away', async () => {
    await using setup = await setUp()
    const { plane, config } = setup
    plane.change({ metadata: { env: 'prod' }, peers: [web] })
    {
      await using _ = await setup.start()
      await until('the state', async () => (await readMetadata(config)).env === 'prod')
    }
    await plane[Symbol.asyncDispose]()

    await using node = await setup.start()

    assert.deepEqual(await readMetadata(config), { env: 'prod' })
    assert.deepEqual(node.device.peerIds(), ['n_web'])
    const { problems } = await until('a problem', () => {
      const status = node.agent.status()
      return status.problems.length > 0 && status
    })
    assert.match(problems.join(), /ECONNREFUSED/)
  })

  it('pulls what it missed when the stream comes back, and reports the drift', async () => {
    await using setup = await setUp()
    const { plane, config } = setup
    await using node = await setup.start()
    await until('a stream', () => plane.openStreams() === 1)
    await until('two reconciliations', () => plane.sent('/state').length === 2)
    plane.change({ metadata: { env: 'prod' }, peers: [web] })
    plane.closeStreams()

    await until('the state', async () => (await readMetadata(config)).env === 'prod')
    await until('the peer', () => node.device.peerIds().includes('n_web'))
    const report = await until('a drift report', () => plane.sent('/drift').at(-1))
    assert.partialDeepStrictEqual(report.body, {
      corrections: [
        { type: 'metadata_updated', detail: 'metadata updated' },
        { type: 'peer_added', detail: 'n_web was missing from the WireGuard interface' },
      ],
    })
  })

  it('repairs what another program changed on the machine, with or without the control plane', async () => {
    await using setup = await setUp({ reconcileMs: 1_000 })
    const { plane } = setup
    plane.change({ peers: [web] })
    await using node = await setup.start()
    await until('the peer', () => node.device.peerIds().includes('n_web'))
    plane.override = ({ line }) => (line.endsWith('/state') ? { status: 500 } : undefined)
    node.device.tamper((peers) => peers.clear())

    await until('the peer again', () => node.device.peerIds().includes('n_web'))
    await until('the report', () =>
      plane.sent('/drift').some(({ body }) => Object(body).corrections.length === 1),
    )
  })

  it('asks with the id of the last event, and is told that nothing is newer', async () => {
    await using setup = await setUp()
    const { plane } = setup
    await using node = await setup.start()
    await until('a stream', () => plane.openStreams() === 1)
    plane.change({ metadata: { a: '1' } })
    const id = await plane.publish('node_state_updated', { metadata: { a: '1' }, data: [] })
    plane.state = { ...plane.state, revision: id }
    await until('the event', () => node.agent.status().revision === id)

    node.agent.reconcile()

    const pulled = await until('a pull', () =>
      plane.sent('/state').find(({ headers }) => headers['if-none-match'] === `"${id}"`),
    )
    assert.ok(pulled)
  })

  it('pulls everything when it is told to resync, or cannot fold an event', async () => {
    await using setup = await setUp()
    const { plane } = setup
    await using node = await setup.start()
    await until('a stream', () => plane.openStreams() === 1)
    await until('two reconciliations', () => plane.sent('/state').length === 2)
    for (const [type, payload] of [
      ['resync', { reason: 'the log begins anew' }],
      ['resync', { reason: 'the PSKs of this tenant have changed', within: '50ms' }],
      ['resync', { reason: 'some time later', within: 'soon' }],
      ['peer_endpoint_changed', { id: 'n_gone', endpoint: '198.51.100.1:1' }],
    ] as const) {
      const before = plane.sent('/state').length
      await plane.publish(type, payload)
      const pull = await until(type, () => plane.sent('/state')[before])
      assert.equal(pull.headers['if-none-match'], undefined, type)
      await until('a revision', () => node.agent.status().revision !== '')
    }
  })

  it('runs actions and delivers acks and results, also after an outage', async () => {
    await using setup = await setUp()
    const { plane } = setup
    await using _ = await setup.start()
    await until('a stream', () => plane.openStreams() === 1)
    plane.override = ({ line }) => (line.includes('/executions/') ? { status: 503 } : undefined)
    await plane.publish('action_request', {
      execution_id: 'exec_1',
      action: 'system.info',
      parameters: {},
      timeout: '30s',
    })
    await plane.publish('action_request', { execution_id: 'exec_2', action: 'no.such' })
    await until('attempts', () => plane.sent('/ack').length > 0)
    plane.override = () => undefined
    plane.closeStreams()

    const result = await until('a result', () => plane.sent('/exec_1/result')[0])
    assert.partialDeepStrictEqual(result.body, { status: 'success', exit_code: 0 })
    assert.equal(JSON.parse(Object(result.body).stdout).node_id, 'n_test')
    const rejected = await until('an ack', () => plane.sent('/exec_2/ack').at(-1))
    assert.deepEqual(rejected.body, {
      execution_id: 'exec_2',
      status: 'rejected',
      reason: 'unknown_action',
    })
  })

  it('says that it is stopping once it was told to', async () => {
    await using setup = await setUp()
    const stop = new AbortController()
    await using node = await startTestAgent(setup.config, { signal: stop.signal })
    assert.equal(node.agent.status().stopping, undefined)
    stop.abort()
    assert.equal(node.agent.status().stopping, true)
  })

  it('reloads its settings when an operator asks, and changes nothing if they are not valid', async () => {
    await using setup = await setUp()
    const { plane, config } = setup
    let next: Partial<AgentConfig> | Error = {
      logLevel: 'debug',
      meshPort: 1_234,
      maxConcurrentActions: 9,
      unknownKeys: ['lok_level'],
    }
    const levels: string[] = []
    await using node = await startTestAgent(config, {
      async readSettings() {
        if (next instanceof Error) throw next
        return { ...config, ...next }
      },
      setLogLevel: (level) => levels.push(level),
    })
    await until('a stream', () => plane.openStreams() === 1)
    const run = async (execution_id: string, action: string): Promise<ResultBody> => {
      await plane.publish('action_request', { execution_id, action })
      const result = await until(action, () => plane.sent(`/${execution_id}/result`)[0])
      return result.body as ResultBody // as the fake received it
    }

    const first = await run('exec_1', 'service.reload_config')
    assert.equal(first.status, 'success')
    assert.deepEqual(JSON.parse(first.stdout), {
      changed: ['log_level', 'actions.max_concurrent'],
      needs_restart: ['mesh.listen_port'],
      unknown: ['lok_level'],
      ignored: [],
    })
    await until('what it can do now', () =>
      plane.sent('/capabilities').some(({ body }) => Object(body).max_concurrent === 9),
    )
    assert.deepEqual(levels, ['debug'])
    next = new Error('config "x": mesh.listen_port: "a": want a whole number')
    const second = await run('exec_2', 'service.reload_config')
    assert.partialDeepStrictEqual(second, { status: 'failure', stderr: `${next.message}\n` })
    const dump = await run('exec_3', 'config.dump')
    assert.partialDeepStrictEqual(JSON.parse(dump.stdout).settings, {
      log_level: 'debug',
      'mesh.listen_port': 51_820,
    })
    const { problems, needs_restart } = node.agent.status()
    assert.match(problems.join(), /^the settings could not be read again.*mesh\.listen_port: "a"/)
    assert.deepEqual(needs_restart, ['mesh.listen_port'])
    next = {}
    await run('exec_4', 'service.reload_config')
    const mended = node.agent.status()
    assert.deepEqual([mended.problems, mended.needs_restart], [[], undefined])
  })

  it('shakes hands with its peers again when an operator asks', async () => {
    await using setup = await setUp()
    const { plane, config } = setup
    plane.change({ peers: [web] })
    await using node = await startTestAgent(config)
    await until('a stream', () => plane.openStreams() === 1)
    assert.deepEqual(node.device.peerIds(), ['n_web'])
    await plane.publish('action_request', { execution_id: 'exec_1', action: 'mesh.reconnect' })
    const result = await until('a result', () => plane.sent('/exec_1/result')[0])
    const { stdout } = result.body as ResultBody // as the fake received it
    assert.deepEqual(JSON.parse(stdout), { peers: 1, answered: 1, silent: [] })
  })

  it('rotates its WireGuard key', async () => {
    await using setup = await setUp()
    const { plane } = setup
    await using node = await setup.start()
    await until('a stream', () => plane.openStreams() === 1)
    const before = node.device.privateKey()
    await plane.publish('rotate_keys', { reason: 'test' })
    await until('a request', () => plane.sent('/v1/keys/rotate').length === 1)
    await until('a new key', () => node.device.privateKey() !== before)
  })

  it('follows a rotation of the signing key, and remembers it over a restart', async () => {
    await using setup = await setUp()
    const { plane, config } = setup
    const previous = plane.signer.keys.current
    const signer = await createTestSigner()
    const signing_keys = {
      current: signer.keys.current,
      previous,
      transition_expires: '2999-01-01T00:00:00Z',
    }
    {
      await using node = await setup.start()
      await until('a stream', () => plane.openStreams() === 1)
      plane.sendRaw(
        await plane.signer.block({
          id: 'rotated',
          type: 'signing_key_rotated',
          payload: { ...signing_keys, new_signing_public_key: signer.keys.current },
        }),
      )
      await until('the new key', () => node.agent.status().control_plane.last_event_id !== '')
      plane.signer = signer
      plane.change({ signing_keys, metadata: { signed: 'anew' } })
      await plane.publish('node_state_updated', { metadata: { signed: 'anew' }, data: [] })
      await until('the event', async () => (await readMetadata(config)).signed === 'anew')
      await until('no problem', () => node.agent.status().problems.length === 0)
    }
    plane.override = ({ line }) => (line.endsWith('/state') ? { status: 500 } : undefined)
    await using _ = await setup.start()
    await until('a stream', () => plane.openStreams() === 1)
    await plane.publish('node_state_updated', { metadata: { signed: 'later' }, data: [] })
    await until('the event', async () => (await readMetadata(config)).signed === 'later')
  })

  it('polls and applies while its stream is refused, and says so', async () => {
    await using setup = await setUp({ reconcileMs: 1_000 })
    const { plane, config } = setup
    plane.override = ({ line }) => (line.endsWith('/events') ? { status: 403 } : undefined)
    await using node = await setup.start()
    await until('the refusal', () => node.agent.status().control_plane.stream === 'refused')
    plane.change({ metadata: { env: 'polled' } })
    await until('the state', async () => (await readMetadata(config)).env === 'polled')
    assert.equal(plane.sent('/events').length, 1)
  })

  it('keeps its identity and says what to type when it was removed', async () => {
    await using setup = await setUp({ heartbeatMs: 1_000 })
    const { plane, config } = setup
    await using node = await setup.start()
    await until('a stream', () => plane.openStreams() === 1)
    plane.override = () => ({ status: 401, body: { error: 'unauthorized' } })
    plane.closeStreams()

    const { problems } = await until('the problem', () => {
      const status = node.agent.status()
      return status.problems.length > 0 && status
    })
    assert.match(
      problems.join(),
      /stop plexd, then type "plexd deregister --purge" and "plexd join"/,
    )
    assert.equal(existsSync(join(config.dataDir, 'identity.json')), true)
    assert.equal(plane.sent('/v1/register').length, 1)
  })

  it('warns of a clock that makes all events refused', async () => {
    await using setup = await setUp()
    // All answers, or one that comes later would take the warning back.
    setup.plane.override = ({ line }) => {
      const headers = { date: new Date(Date.now() + 600_000).toUTCString() }
      if (line.endsWith('/heartbeat')) return { status: 200, headers, body: {} }
      return /\/(state|events)$/.test(line) ? { status: 503, headers } : undefined
    }
    await using node = await setup.start()
    const status = await until('the warning', () => {
      const now = node.agent.status()
      return Math.abs(now.control_plane.clock_skew_seconds - 600) < 5 && now
    })
    assert.match(status.problems.join(), /10 min behind .* all events are refused/)
  })

  it('deregisters on shutdown only when that is configured', async () => {
    await using setup = await setUp()
    await (await setup.start())[Symbol.asyncDispose]()
    assert.equal(setup.plane.sent('/deregister').length, 0)

    setup.config.deregisterOnShutdown = true
    await (await setup.start())[Symbol.asyncDispose]()
    assert.equal(setup.plane.sent('/deregister').length, 1)
  })

  it('sends its capabilities again when they have changed', async () => {
    await using setup = await setUp()
    const { plane } = setup
    await (await setup.start())[Symbol.asyncDispose]()
    assert.equal(plane.sent('/capabilities').length, 0)

    setup.config.actionsEnabled = false
    await using _ = await setup.start()
    const request = await until('capabilities', () => plane.sent('/capabilities')[0])
    assert.partialDeepStrictEqual(request.body, { builtin_actions: [] })
  })

  it('ends everything that it has started if the last step fails', async () => {
    await using setup = await setUp()
    const clock = createFakeClock()
    const device: WireguardDevice = {
      ...createFakeDevice(),
      watch() {
        throw new Error('nobody watches')
      },
    }
    await assert.rejects(setup.start({ device, clock }), /^Error: nobody watches$/)
    assert.equal(clock.sleepers(), 0)
    assert.equal(existsSync(setup.config.socketPath), false)
    assert.equal(setup.plane.openStreams(), 0)
  })

  it('serves what it has before it is registered', async () => {
    await using setup = await setUp()
    setup.plane.override = () => ({ status: 500 })
    const stop = new AbortController()
    const starting = setup.start({ signal: stop.signal })
    await until('an attempt', () => setup.plane.requests.length > 0)
    const local = createClient(localApi, createUnixTransport(setup.config.socketPath))

    const { body } = await local.getStatus({})
    assert.partialDeepStrictEqual(body, {
      node_id: '',
      mesh: { enabled: true, backend: 'none', ranges: [] },
    })
    assert.match(body.problems.join(), /^not registered yet, still trying: /)
    assert.deepEqual((await local.listPeers({})).body, [])
    assert.deepEqual((await local.listPolicies({})).body.rules, [])
    await assert.rejects(local.checkNetwork({}), /the node is not registered yet/)
    stop.abort()
    await assert.rejects(starting)
  })

  it('aborts an enrolment that keeps failing', async () => {
    await using setup = await setUp()
    setup.plane.override = () => ({ status: 500 })
    const stop = new AbortController()
    const starting = setup.start({ signal: stop.signal })
    await until('an attempt', () => setup.plane.requests.length > 0)
    stop.abort()
    await assert.rejects(starting)
  })

  it('says of a node that has lost the authority that it looks for that, and not that it is none', async () => {
    await using setup = await setUp()
    await (await setup.start())[Symbol.asyncDispose]()
    setup.plane.override = () => ({ status: 500 })
    const stop = new AbortController()
    const lost = {
      caFile: join(setup.config.dataDir, 'gone.crt'),
      caFingerprint: `sha256:${'0a'.repeat(32)}`,
    }
    const starting = startTestAgent({ ...setup.config, ...lost }, { signal: stop.signal })
    const local = createClient(localApi, createUnixTransport(setup.config.socketPath))
    const problems = async () =>
      (await local.getStatus({}).catch(() => undefined))?.body.problems.join()
    const told = await until('a problem', problems)
    assert.match(
      told,
      /^the authority of the control plane has to be fetched again, still trying: /,
    )
    stop.abort()
    await assert.rejects(starting)
  })
})

describe('startAgent over TLS', () => {
  it('trusts the CA that it is given, and no other', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane({ tls: true })
    const caFile = join(folder.path, 'ca.crt')
    const config = await configFor(plane, folder.path, { caFile })
    await writeFile(caFile, otherAuthority)
    await assert.rejects(startTestAgent(config), (error: Error) =>
      error.message.includes(`is not signed by the CA in "${caFile}"`),
    )
    assert.equal(existsSync(config.tokenFile), true)

    await writeFile(caFile, authority)
    await using node = await startTestAgent(config)
    await until('a stream', () => plane.openStreams() === 1)
    assert.equal(node.agent.nodeId, 'n_test')
  })

  it('runs an action signed with a key that it did not know yet', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane({ tls: true })
    const caFile = join(folder.path, 'ca.crt')
    await writeFile(caFile, authority)
    const config = await configFor(plane, folder.path, { caFile })
    {
      await using _ = await startTestAgent(config)
      await until('a stream', () => plane.openStreams() === 1)
      const id = await plane.publish('peer_added', web)
      await until('the event', () => _.agent.status().control_plane.last_event_id === id)
    }
    plane.signer = await createTestSigner()
    await plane.publish('action_request', { execution_id: 'exec_1', action: 'system.info' })
    plane.change({ signing_keys: { current: plane.signer.keys.current } })

    await using _ = await startTestAgent(config)
    await until('the result', () => plane.sent('/exec_1/result').length === 1)
  })

  it('takes a new signing key from a pulled state', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane({ tls: true })
    const caFile = join(folder.path, 'ca.crt')
    await writeFile(caFile, authority)
    const config = await configFor(plane, folder.path, { caFile })
    await using node = await startTestAgent(config)
    await until('a stream', () => plane.openStreams() === 1)
    plane.signer = await createTestSigner()
    plane.change({ signing_keys: { current: plane.signer.keys.current } })
    plane.closeStreams()
    await until('the stream again', () => plane.sent('/events').length === 2)
    await until('the pull', () => node.agent.status().revision === plane.state.revision)

    await plane.publish('peer_added', web)
    await until('the peer', () => node.device.peerIds().includes('n_web'))
  })
})

async function setUp(changes: Partial<AgentConfig> = {}) {
  const folder = await makeFolder()
  const plane = await startFakeControlPlane()
  const config = await configFor(plane, folder.path, changes)
  return {
    plane,
    config,
    start: (deps: Parameters<typeof startTestAgent>[1] = {}) => startTestAgent(config, deps),
    async [Symbol.asyncDispose]() {
      await plane[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

async function readMetadata({ socketPath }: AgentConfig): Promise<Record<string, string>> {
  return (await createClient(localApi, createUnixTransport(socketPath)).listMetadata({})).body
}
