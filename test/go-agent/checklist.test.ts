import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { controlApi, type NodeState, nskBytes, parseEnvelope } from '@plexd/protocol'
import { type EventStream, openEventStream, until } from '@plexd/runtime/testing'
import { newPublicKey, type System, startSystem } from '../support/system.ts'
import { GoApiError, type GoClient, goUserAgent, localTime, registerGoClient } from './go-client.ts'
import { followAsGo, type Rotation, rotate } from './go-stream.ts'

/** The rows of the wire contract's checklist for a control plane (12.1), for a client that speaks as the public Go agent. */
describe('the checklist of a control plane that serves the Go agent', () => {
  let system: System
  let node: GoClient
  let idle: EventStream
  let idleSince: number

  const registerGo = async (hostname: string, token?: string, key = newPublicKey()) =>
    registerGoClient(system.controlPlane, {
      token: token ?? (await system.bootstrapToken()),
      public_key: key,
      hostname,
    })
  const params = () => ({ node: node.nodeId })
  const putData = (payload: unknown, key = 'config') =>
    system.admin.putData({
      params: { key },
      body: { target: { node_id: node.nodeId }, content_type: 'application/json', payload },
    })
  const setLabel = (value: string, name = 'label') =>
    system.admin.setNodeMetadata({ params: params(), body: { set: { [name]: value } } })
  const reports = async (client = node) =>
    Object.fromEntries(
      (await system.admin.listReports({ params: { node: client.nodeId } })).body.items.map(
        ({ key, payload }) => [key, payload],
      ),
    )

  before(async () => {
    system = await startSystem()
    node = await registerGo('go-01')
    idle = await (await system.enrol('idle-01')).stream()
    idleSince = performance.now()
  })
  after(async () => {
    idle?.[Symbol.dispose]()
    node?.[Symbol.dispose]()
    await system[Symbol.asyncDispose]()
  })

  describe('all 17 + extras of §2.18; {} bodies; raw-path routing; gzip in/out; per-node auth by token hash; 403 on foreign node id', () => {
    it('gives every body that the agent decodes', async () => {
      await node.heartbeat()
      await node.state()
      await node.drift([{ type: 'peer_added', detail: 'peer n_1' }])
      await node.report({ entries: null, deleted: null })
      // The library behind the agent knows these too.
      using library = await registerGo('go-library')
      const empty = async (method: string, rest: string, body?: unknown) => {
        const path = library.path(rest)
        const answer = await library.exchange({ method, path, body, token: library.nsk })
        assert.equal(answer.status, 200, answer.text)
        JSON.parse(answer.text)
      }
      await empty('PUT', '/capabilities', { builtin_actions: null, hooks: null })
      await empty('PUT', '/endpoint', { public_endpoint: '203.0.113.7:51820', nat_type: 'none' })
      const timestamp = localTime()
      await empty('POST', '/tunnels/s%2F1/ready', { listen_addr: '10.100.0.1:1', timestamp })
      await empty('POST', '/tunnels/s%2F1/closed', {
        reason: 'revoked',
        duration: '350.1µs',
        timestamp,
      })
      await empty('POST', '/integrity/violations', {
        type: 'binary',
        path: '/usr/local/bin/plexd',
        expected_checksum: 'aa',
        actual_checksum: 'bb',
        detail: '',
        timestamp,
      })
      const pong = await node.exchange({ method: 'GET', path: '/v1/ping', token: node.nsk })
      assert.equal(pong.status, 200)
    })

    it('routes on the encoded path', async () => {
      await system.admin.putSecret({
        params: { key: 'db/pass word%2F' },
        body: { target: { node_id: node.nodeId }, value: 'slashed' },
      })
      assert.equal(await node.secret('db/pass word%2F'), 'slashed')
    })

    it('takes gzip of more than 1,024 bytes on any request', async () => {
      const payload = { filler: 'x<&>\u2028'.repeat(1_000) }
      await node.report({ entries: [entry('long', 1, payload)], deleted: null })
      assert.deepEqual((await reports()).long, payload)
    })

    it('gives gzip to who asks for it, when the state is large', async () => {
      await putData({ filler: 'x'.repeat(100_000) }, 'large')
      const path = node.path('/state')
      const { headers, text } = await node.exchange({ method: 'GET', path, token: node.nsk })
      await system.admin.deleteData({ params: { key: 'large' }, query: { node_id: node.nodeId } })
      assert.equal(headers['content-encoding'], 'gzip')
      assert.ok(Number(headers['content-length'] ?? 0) < text.length / 10)
    })

    it('keeps neither NSK nor token in the clear', async () => {
      const { dataDir } = system.controlPlane
      const ours = await system.enrol('sealed')
      const names = (await readdir(dataDir, { recursive: true, withFileTypes: true })).filter(
        (entry) => entry.isFile() && entry.name !== 'admin-token',
      )
      assert.notEqual(names.length, 0)
      for (const { parentPath, name } of names) {
        const bytes = await readFile(join(parentPath, name))
        for (const secret of [node.nsk, ours.node_secret_key, ours.token, system.adminToken])
          assert.ok(!bytes.includes(secret), `a secret is in ${name}`)
      }
    })

    it('refuses another node with 403 and a stranger with 401', async () => {
      using other = await registerGo('go-foreign')
      const ask = async (token: string) =>
        (await node.exchange({ method: 'GET', path: node.path('/state'), token })).status
      assert.equal(await ask(other.nsk), 403)
      assert.equal(await ask('x'.repeat(32)), 401)
    })
  })

  describe('NSK format per node (§5.2); secrets encrypted per request with a fresh 12-byte nonce, tag appended, no AAD', () => {
    it('gives a Go node 32 characters that it uses as they are', async () => {
      assert.match(node.nsk, /^[\x21-\x7e]{32}$/)
      await system.admin.putSecret({
        params: { key: 'plain' },
        body: { target: { node_id: node.nodeId }, value: 'grüße' },
      })
      assert.equal(await node.secret('plain'), 'grüße')
    })

    it('gives a node with capabilities 32 bytes in base64', async () => {
      const ours = await system.enrol('base64')
      assert.equal(ours.node_secret_key.length, 44)
      assert.equal(nskBytes(ours.node_secret_key).length, 32)
    })

    it('gives the format that the bootstrap token asks for', async () => {
      const { body } = await system.admin.createToken({ body: { nsk_format: 'base64' } })
      using asked = await registerGo('asked-for-base64', body.token)
      assert.equal(asked.nsk.length, 44)
    })

    it('uses a nonce once', async () => {
      const path = node.path('/secrets/plain')
      const nonces = new Set<string>()
      for (let time = 0; time < 20; time++) {
        const { text } = await node.exchange({ method: 'GET', path, token: node.nsk })
        nonces.add((JSON.parse(text) as { nonce: string }).nonce) // the contract tests check its shape
      }
      assert.equal(nonces.size, 20)
    })

    it('takes the NSK as the bearer token of a node that has a node_token too', async () => {
      const ours = await system.enrol('two-tokens')
      const answer = await ours.call(controlApi.heartbeat, {
        token: ours.node_secret_key,
        body: {},
      })
      assert.equal(answer.status, 200)
    })
  })

  describe('events: per-node ordered log, replay with re-signing, line splitting ≤ 60,000 bytes, connection limit per node', () => {
    const openAsGo = (lastEventId?: string) =>
      openEventStream({
        ...system.controlPlane,
        path: node.path('/events'),
        token: node.nsk,
        userAgent: goUserAgent,
        ...(lastEventId === undefined ? {} : { lastEventId }),
      })

    it('comments at once', async () => {
      using stream = await openAsGo()
      await until('a comment comes', () => stream.reader.comments.length > 0)
    })

    it('loses nothing and repeats nothing while the client is cut off every 200 ms', async () => {
      await using stream = followAsGo(system.controlPlane, node, { cutMs: 200 })
      await until('it is connected', () => stream.connects() > 0)
      let count = 0
      for (; count < 60 || stream.connects() < 5; count++) {
        await setLabel(`cut-${count}`)
        await delay(20)
      }
      const labels = () =>
        stream.deliveries.flatMap(({ event_type, payload }) =>
          event_type === 'node_state_updated'
            ? (payload as { metadata: { label: string } }).metadata.label
            : [],
        )
      await until('the last change arrives', () => labels().at(-1) === `cut-${count - 1}`)
      assert.deepEqual(stream.refusals, [])
      // Each event carries the state as it is when it is sent, so a late one may be ahead of its id.
      const order = labels().map((label) => Number(label.slice('cut-'.length)))
      assert.equal(order.length, count)
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      )
      const ids = stream.deliveries.map(({ id }) => Number(id.split('-')[1]))
      assert.deepEqual(
        ids,
        ids.toSorted((a, b) => a - b),
      )
      assert.equal(new Set(ids).size, ids.length)
    })

    it('replays with the same ids, a new time, nonce and signature', async () => {
      using before = await openAsGo()
      await setLabel('one')
      await setLabel('two')
      const one = await before.find('node_state_updated')
      const two = await before.find('node_state_updated')
      await delay(1_100)
      using again = await openAsGo(one.id)
      const replayed = await again.find('node_state_updated')
      assert.equal(replayed.id, two.id)
      const [old, fresh] = [parseEnvelope(two.data), parseEnvelope(replayed.data)]
      assert.equal(fresh.event_id, old.event_id)
      assert.notEqual(fresh.nonce, old.nonce)
      assert.notEqual(fresh.issued_at, old.issued_at)
      assert.notEqual(fresh.signature, old.signature)
    })

    it('splits an event of 300 KB into lines that the scanner takes', async () => {
      using stream = await openAsGo()
      const rows = Array.from({ length: 3_000 }, (_, row) => ({ row, text: ',"x"'.repeat(20) }))
      await putData(rows, 'split')
      const block = await stream.find('node_state_updated')
      assert.ok(block.data.length > 300_000)
      assert.ok(stream.reader.longestLine() <= 60_000)
      node.verifier.verify(block.data)
      await system.admin.deleteData({ params: { key: 'split' }, query: { node_id: node.nodeId } })
      await stream.find('node_state_updated')
    })

    it('does not send a text that no line can hold, and hints at it in the heartbeat', async () => {
      using stream = await openAsGo()
      await node.state()
      await until('nothing is left to hint at', async () => !(await node.heartbeat()).reconcile)
      await putData('x'.repeat(70_000), 'unsplittable')
      await until('the heartbeat says reconcile', async () => (await node.heartbeat()).reconcile)
      const { data } = await node.state()
      assert.ok(data.some(({ key }) => key === 'unsplittable'))
      await system.admin.deleteData({
        params: { key: 'unsplittable' },
        query: { node_id: node.nodeId },
      })
      await setLabel('after')
      await until('the stream goes on', async () => {
        const block = await stream.find('node_state_updated')
        return block.data.includes('"after"')
      })
      assert.ok(stream.reader.longestLine() <= 60_000)
    })

    it('gives the newest connection the stream and ends the older one', async () => {
      using older = await openAsGo()
      using newer = await openAsGo()
      await older.ended
      await setLabel('for the newer')
      await newer.find('node_state_updated')
    })
  })

  describe('canonical signer + golden vectors', () => {
    const hard: [string, unknown][] = [
      ['an empty object', {}],
      ['HTML characters', '<b>&'],
      ['line separators', 'a\u2028b\u2029'],
      ['what is not ASCII', 'Grüße 🌍 \u007f'],
      ['control characters', '\b\f\n\r\t\u0001"\\/'],
      ['nested lists', [[[]], [1, [2, { a: [] }]]]],
      ['keys like integers', { 10: 'x', 2: 'y', a: 1 }],
      ['numbers of every kind', [1.5e2, -0.001, 1e21, 9007199254740991]],
    ]
    for (const [what, payload] of hard) {
      it(`signs ${what} as Go reads it`, async () => {
        await using stream = followAsGo(system.controlPlane, node)
        await until('it is connected', () => stream.connects() > 0)
        await putData({ payload, salt: crypto.randomUUID() }, 'hard')
        const event = await until('the event comes', () =>
          stream.deliveries.find(({ event_type }) => event_type === 'node_state_updated'),
        )
        assert.deepEqual(stream.refusals, [])
        const { data } = event.payload as { data: { key: string; payload: { payload: unknown } }[] } // decoded into that struct
        assert.deepEqual(data.find(({ key }) => key === 'hard')?.payload.payload, payload)
      })
    }
  })

  describe('signing key rotation with union payload, state.signing_keys in step, both keys valid in between', () => {
    const currentKey = async () =>
      (await system.admin.listSigningKeys({})).body.items.find(({ state }) => state === 'current')
        ?.public_key ?? ''

    it('is followed by a client that is connected, and by one that was away', async () => {
      using away = await registerGo('go-away')
      let lastEventId = ''
      {
        await using stream = followAsGo(system.controlPlane, away)
        await until('it is connected', () => stream.connects() > 0)
        await setLabelOf(away, 'one')
        const seen = await until('the event comes', () => stream.deliveries.at(-1))
        lastEventId = seen.id
      }
      await using stream = followAsGo(system.controlPlane, node)
      await until('it is connected', () => stream.connects() > 0)
      const before = await currentKey()
      await setLabelOf(away, 'two')
      await system.admin.rotateSigningKey({ body: { transition_period: '1h' } })
      await setLabelOf(away, 'three')
      await setLabel('behind the rotation')
      await until('the event behind it comes', () =>
        stream.deliveries.some(({ event_type }) => event_type === 'node_state_updated'),
      )
      assert.deepEqual(stream.refusals, [])

      const { signing_keys } = await node.state()
      assert.equal(signing_keys.current, await currentKey())
      assert.equal(signing_keys.previous, before)
      assert.ok(Date.parse(signing_keys.transition_expires) > Date.now())

      // The one that was away knows the old key only, until the replay tells it of the new one.
      using replay = await openEventStream({
        ...system.controlPlane,
        path: away.path('/events'),
        token: away.nsk,
        userAgent: goUserAgent,
        lastEventId,
      })
      assert.deepEqual(away.verifier.keys, { current: before })
      const types: string[] = []
      while (types.length < 3) {
        const block = await replay.next()
        const { event_type, payload } = away.verifier.verify(block?.data ?? '')
        types.push(event_type)
        if (event_type === 'signing_key_rotated') rotate(away.verifier, payload as Rotation) // the contract tests check its shape
      }
      assert.deepEqual(types, ['node_state_updated', 'signing_key_rotated', 'node_state_updated'])
    })

    const setLabelOf = (client: GoClient, value: string) =>
      system.admin.setNodeMetadata({
        params: { node: client.nodeId },
        body: { set: { label: value } },
      })
  })

  describe('full-object peer events; complete state events; policy id revisioning for Go nodes; integers only', () => {
    it('sends peers and state whole, in types that Go decodes', async () => {
      await using stream = followAsGo(system.controlPlane, node)
      await until('it is connected', () => stream.connects() > 0)
      const peer = await system.enrol('whole-peer')
      await peer.call(controlApi.putEndpoint, {
        body: { public_endpoint: '198.51.100.9:51820', nat_type: 'none' },
      })
      await peer.call(controlApi.rotateKeys, {
        body: { node_id: peer.node_id, new_public_key: newPublicKey() },
      })
      await putData({ whole: true })
      await until('the last event comes', () =>
        stream.deliveries.some(({ event_type }) => event_type === 'node_state_updated'),
      )
      assert.deepEqual(stream.refusals, [])
      const payloadOf = (type: string) =>
        stream.deliveries.find(({ event_type }) => event_type === type)?.payload as Record<
          string,
          unknown
        > // decoded into the struct of its type
      for (const type of ['peer_added', 'peer_endpoint_changed', 'peer_key_rotated']) {
        const { id, public_key, mesh_ip, allowed_ips } = payloadOf(type)
        assert.equal(id, peer.node_id, type)
        assert.equal(mesh_ip, peer.mesh_ip, type)
        assert.deepEqual(allowed_ips, [`${peer.mesh_ip}/32`], type)
        assert.notEqual(public_key, '', type)
      }
      const state = await node.state()
      const { metadata, data } = payloadOf('node_state_updated')
      assert.deepEqual({ metadata, data }, { metadata: state.metadata, data: state.data })
    })

    it('gives a policy another id when its rules change, to Go nodes only', async () => {
      const put = (port: number) =>
        system.admin.putPolicy({
          params: { name: 'web' },
          body: {
            name: 'web',
            rules: [{ from: '*', to: '*', port, protocol: 'tcp', action: 'allow' }],
          },
        })
      const ours = await system.enrol('plain-policy')
      const oursIds = async () =>
        (await ours.call(controlApi.getState)).json<NodeState>().policies.map(({ id }) => id)
      const { body: policy } = await put(443)
      const before = (await node.state()).policies
      const plain = await oursIds()
      await put(8443)
      const after = (await node.state()).policies
      const idWith = (policies: typeof before, port: number) =>
        policies.find(({ rules }) => rules.some((rule) => rule.port === port))?.id
      assert.ok(idWith(before, 443)?.startsWith(policy.id))
      assert.ok(idWith(after, 8443)?.startsWith(policy.id))
      assert.notEqual(idWith(after, 8443), idWith(before, 443))
      assert.deepEqual(await oursIds(), plain)
      assert.ok(plain.includes(policy.id))
    })

    it('raises the version of a data entry and of a secret with its content', async () => {
      const version = async (key: string) =>
        (await node.state()).data.find((entry) => entry.key === key)?.version ?? 0
      await putData('a', 'versioned')
      const first = await version('versioned')
      await putData('b', 'versioned')
      const second = await version('versioned')
      await system.admin.deleteData({
        params: { key: 'versioned' },
        query: { node_id: node.nodeId },
      })
      await putData('c', 'versioned')
      assert.ok(second > first)
      assert.ok((await version('versioned')) > second, 'also behind a deletion')
    })
  })

  describe('heartbeat: zero-value tolerant; reconcile flag logic; unreachable/offline timers; offline → peer_removed to peers', () => {
    it('asks for a pull until there was one', async () => {
      await node.state()
      await until('nothing is left to hint at', async () => !(await node.heartbeat()).reconcile)
      await setLabel('hint')
      assert.equal((await node.heartbeat()).reconcile, true)
      assert.equal((await node.heartbeat()).reconcile, true)
      await node.state()
      await until('nothing is left to hint at', async () => !(await node.heartbeat()).reconcile)
    })

    it('gives up a node in two steps, tells its peers, and takes it back', async () => {
      await using quick = await startSystem({ args: ['--heartbeat-interval', '300ms'] })
      const silent = await quick.enrol('silent')
      const watcher = await quick.enrol('watcher')
      using stream = await watcher.stream()
      const alive = new AbortController()
      const beating = (async () => {
        while (!alive.signal.aborted) {
          await watcher.call(controlApi.heartbeat, { body: {} })
          await delay(100)
        }
      })()
      try {
        const statusOf = async () =>
          (await quick.admin.getNode({ params: { node: silent.node_id } })).body.status
        const peers = async () => (await watcher.call(controlApi.getState)).json<NodeState>().peers
        await silent.call(controlApi.heartbeat, { body: {} })
        assert.equal(await statusOf(), 'online')

        await until('it is unreachable', async () => (await statusOf()) === 'unreachable')
        const changed = await stream.find('peer_endpoint_changed')
        assert.match(changed.data, new RegExp(`"${silent.node_id}"`))
        assert.match(changed.data, /"unreachable"/)
        assert.equal((await peers()).length, 1)

        const removed = await stream.find('peer_removed')
        assert.match(removed.data, new RegExp(`"${silent.node_id}"`))
        assert.equal(await statusOf(), 'offline')
        assert.deepEqual(await peers(), [])

        await silent.call(controlApi.heartbeat, { body: {} })
        const added = await stream.find('peer_added')
        assert.match(added.data, new RegExp(`"${silent.node_id}"`))
        assert.equal((await peers())[0]?.id, silent.node_id)
      } finally {
        alive.abort()
        await beating
      }
    })
  })

  describe('report merge rule; 409 policy by client; observability sniffing parser; result status mapping', () => {
    it('works out PUT, PUT, DELETE, PUT of one key in one batch', async () => {
      await node.report({
        entries: [entry('k', 1, 'a'), entry('k', 2, 'b'), entry('k', 1, 'c')],
        deleted: ['k'],
      })
      assert.equal((await reports()).k, 'c')
      await node.report({ entries: [entry('k', 2, 'd')], deleted: ['k'] })
      assert.equal((await reports()).k, undefined)
    })

    it('never refuses a batch: the agent would send it again for ever', async () => {
      await node.report({ entries: [entry('stale', 9, 'new', 60_000)], deleted: null })
      await node.report({ entries: [entry('stale', 3, 'old')], deleted: null })
      assert.equal((await reports()).stale, 'new')
      await node.report({ entries: null, deleted: ['never-there'] })
      await node.report({ entries: [{ key: '' }], deleted: null })
    })

    it('takes logs, audit and metrics as arrays of JSON, in the words of syslog', async () => {
      const timestamp = localTime()
      const words = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug']
      await node.send(
        'logs',
        words.map((severity) => ({
          timestamp,
          source: 'journald',
          unit: 'sshd',
          message: severity,
          severity,
          hostname: 'go-01',
        })),
      )
      await node.send('audit', [
        {
          timestamp,
          source: 'k8s-audit',
          event_type: 'get',
          subject: null,
          object: 'ns/pods/web',
          action: 'get',
          result: 'success',
          hostname: 'go-01',
          raw: '',
        },
      ])
      await node.send('metrics', [
        { timestamp, group: 'system', data: { network_rx_bytes: 2 ** 60 } },
        { timestamp, group: 'latency', peer_id: 'n_1', data: { peer_id: 'n_1', rtt_nano: -1 } },
      ])
      const records = async (kind: string) =>
        (await system.admin.listTelemetry({ params: { node: node.nodeId, kind } })).body.items.map(
          ({ record }) => record as Record<string, unknown>,
        )
      assert.deepEqual(
        (await records('logs')).map(({ severity }) => severity),
        ['error', 'error', 'error', 'error', 'warn', 'info', 'info', 'debug'],
      )
      const [read] = (await records('audit')).filter(({ event_type }) => event_type === 'get')
      assert.equal(read?.object, 'ns/pods/web')
      assert.equal((await records('metrics')).length, 2)
    })

    it('takes results in the words of the Go library', async () => {
      using library = await registerGo('go-actions')
      const path = library.path('/capabilities')
      const body = {
        builtin_actions: [{ name: 'ping', description: '', parameters: null }],
        hooks: null,
      }
      await library.exchange({ method: 'PUT', path, body, token: library.nsk })
      for (const [word, status] of [
        ['failed', 'failure'],
        ['error', 'failure'],
        ['timeout', 'timeout'],
      ] as const) {
        const { body: execution } = await system.admin.runAction({
          params: { node: library.nodeId },
          body: { action: 'ping' },
        })
        const { id } = execution
        await library.ack(id, { execution_id: id, status: 'accepted', reason: '' })
        await library.result(id, {
          execution_id: id,
          status: word,
          exit_code: -1,
          stdout: '<&>'.repeat(100_000),
          stderr: '',
          duration: '350.1µs',
          finished_at: new Date().toISOString(),
          triggered_by: null,
        })
        const seen = await system.admin.getExecution({ params: { execution_id: id } })
        assert.equal(seen.body.status, status)
      }
    })
  })

  describe('idempotent register; token one-time + TTL + tenant; hostname conflict 409; re-enrol path for a lost identity', () => {
    const refusedWith = (status: number) => (error: unknown) =>
      error instanceof GoApiError && error.status === status

    it('answers a lost answer again, and nobody else', async () => {
      const token = await system.bootstrapToken()
      const key = newPublicKey()
      using first = await registerGo('go-again', token, key)
      using again = await registerGo('go-again', token, key)
      assert.deepEqual(
        [again.nodeId, again.nsk, again.meshIp, again.signingKey],
        [first.nodeId, first.nsk, first.meshIp, first.signingKey],
      )
      await assert.rejects(registerGo('go-other', token), refusedWith(401))
    })

    it('lets a machine that lost its identity in again, once an operator has removed the old one', async () => {
      using lost = await registerGo('go-lost')
      const token = await system.bootstrapToken()
      await assert.rejects(registerGo('go-lost', token), refusedWith(409))
      await system.admin.removeNode({ params: { node: 'go-lost' } })
      using found = await registerGo('go-lost', token)
      assert.notEqual(found.nodeId, lost.nodeId)
      await assert.rejects(lost.heartbeat(), refusedWith(401))
    })

    it('takes a deregistration without a body, twice', async () => {
      using leaving = await registerGo('go-leaving')
      await leaving.deregister()
      await leaving.deregister()
    })
  })

  // Last, because one takes its time and the other stops the control plane.
  describe('events: 15 s comments, 503 while starting/stopping', () => {
    it('comments on an idle stream every 15 s', async () => {
      const { comments } = idle.reader
      await until('a second comment comes', () => comments.length >= 2, 60_000)
      const seconds = (performance.now() - idleSince) / 1_000
      assert.ok(comments.length >= Math.floor(seconds / 16))
    })

    it('answers 503, never 401, 403 or 404, from the start of the process to its end', async () => {
      await using stream = followAsGo(system.controlPlane, node, { cutMs: 50 })
      // From its first event on it is cut off, and comes again.
      await until('it has a cursor', async () => {
        await putData({ salt: crypto.randomUUID() })
        return stream.deliveries.length > 0
      })
      await until('it is connected', () => stream.connects() > 2)
      await system.controlPlane.end()
      await system.controlPlane.start()
      const connects = stream.connects()
      await until('it is connected again', () => stream.connects() > connects + 2)
      const statuses = [...new Set(stream.statuses)].filter((status) => status !== 200)
      assert.ok(
        statuses.every((status) => status === 503),
        `answered ${statuses}`,
      )
    })
  })
})

function entry(key: string, version: number, payload: unknown, laterMs = 0) {
  const updated_at = localTime(Date.now() + laterMs)
  return { key, content_type: 'application/json', payload, version, updated_at }
}
