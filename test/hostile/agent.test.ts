import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createTestSigner,
  type FakeControlPlane,
  startFakeControlPlane,
  type TestSigner,
} from '@plexd/agent/testing'
import {
  type Client,
  createClient,
  type DaemonStatus,
  formatEvent,
  issuedAt,
  type LocalApi,
  localApi,
} from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { authority, until } from '@plexd/runtime/testing'
import type { Static } from 'typebox'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { curlSocket } from '../support/curl.ts'
import { rssBytesOf } from '../support/memory.ts'

const type = 'node_state_updated'
const evil = { type, payload: { metadata: { role: 'evil' }, data: [] } }
/** As it comes over the stream. */
const block = (id: string, data: string) => formatEvent({ id, event: type, data })

describe('an agent under a hostile control plane', () => {
  let folder: string
  let controlPlane: FakeControlPlane
  /** Whose key nobody trusts. */
  let stranger: TestSigner
  let agent: AgentProcess
  let local: Client<LocalApi>

  const status = async (): Promise<Static<typeof DaemonStatus>> => (await local.getStatus({})).body
  const summary = async () => (await local.getLocalState({})).body
  const problems = async () => (await status()).problems.join('\n')
  const isConnected = () => controlPlane.openStreams() > 0
  const connectsFrom = (at: number) => controlPlane.sent('/events').filter(({ atMs }) => atMs >= at)
  const connectsSince = (at: number) => connectsFrom(at).length
  const connected = () => until('it is connected', isConnected)
  /** A change that is let in shows that the agent still works, and clears what was refused. */
  async function accepts(role: string): Promise<void> {
    await connected()
    const payload = { metadata: { role }, data: [] }
    controlPlane.change(payload)
    const id = await controlPlane.publish(type, payload)
    await until('a good event takes effect', async () => (await summary()).metadata.role === role)
    await until('it is behind us', async () => (await status()).control_plane.last_event_id === id)
  }
  /** Also what a pull meanwhile would answer: otherwise it takes the change back before anybody sees it. */
  async function letsIn(role: string, id: string, envelope: string): Promise<void> {
    await connected()
    controlPlane.change({ metadata: { role }, data: [] })
    controlPlane.sendRaw(block(id, envelope))
    await until('it takes effect', async () => (await summary()).metadata.role === role)
  }
  const answerInstead = (lineEnd: string, given: ReturnType<FakeControlPlane['override']>) => {
    controlPlane.override = ({ line }) => (line.endsWith(lineEnd) ? given : undefined)
  }
  const answerAsUsual = () => {
    controlPlane.override = () => undefined
  }
  const rssBytes = () => rssBytesOf(agent.program().pid)

  before(async () => {
    stranger = await createTestSigner()
    folder = await mkdtemp(join(tmpdir(), 'plexd-hostile-'))
    controlPlane = await startFakeControlPlane({ tls: true, token: 't' })
    const { url } = controlPlane
    const caFile = await writeAuthority(folder)
    const options = { hostname: 'victim', token: 't', controlPlane: { url, caFile } }
    agent = await startAgentProcess(folder, options)
    local = createClient(localApi, createUnixTransport(agent.socket, 5_000))
    await accepts('web')
  })
  after(async () => {
    await agent?.end()
    await controlPlane?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const minutes = (count: number): string => issuedAt(Date.now() + count * 60_000)
  const forged: [string, RegExp, () => Promise<string>][] = [
    ['signed by a stranger', /bad signature/, () => stranger.envelope(evil)],
    [
      'changed after it was signed',
      /bad signature/,
      async () =>
        (
          await controlPlane.signer.envelope({
            type,
            payload: { metadata: { role: 'good' }, data: [] },
          })
        ).replace('"good"', '"evil"'),
    ],
    [
      'of another type than was signed',
      /bad signature/,
      async () =>
        (await controlPlane.signer.envelope({ ...evil, type: 'policy_updated' })).replace(
          'policy_updated',
          'node_state_updated',
        ),
    ],
    [
      'with two payloads',
      /bad signature|malformed/,
      async () =>
        (await controlPlane.signer.envelope({ type, payload: { metadata: {}, data: [] } })).replace(
          /\}$/,
          `,"payload":${JSON.stringify(evil.payload)}}`,
        ),
    ],
    [
      'without a signature',
      /no signature/,
      async () =>
        (await controlPlane.signer.envelope(evil)).replace(/"signature":"[^"]*"/, '"signature":""'),
    ],
    [
      'with a signature that is no base64',
      /bad signature/,
      async () =>
        (await controlPlane.signer.envelope(evil)).replace(
          /"signature":"[^"]*"/,
          '"signature":"%%%"',
        ),
    ],
    ['without a nonce', /no nonce/, () => controlPlane.signer.envelope({ ...evil, nonce: '' })],
    [
      'of six minutes ago',
      /stale/,
      () => controlPlane.signer.envelope({ ...evil, issuedAt: minutes(-6) }),
    ],
    [
      'of six minutes ahead',
      /from the future/,
      () => controlPlane.signer.envelope({ ...evil, issuedAt: minutes(6) }),
    ],
    [
      'of no time',
      /no issue time/,
      () => controlPlane.signer.envelope({ ...evil, issuedAt: 'soon' }),
    ],
    ['that is not JSON', /malformed/, async () => '{"event_type":"node_state_updated",'],
    ['that is no object', /malformed/, async () => '["node_state_updated"]'],
    [
      'cut in the middle',
      /malformed/,
      async () => (await controlPlane.signer.envelope(evil)).slice(0, 200),
    ],
  ]

  for (const [index, [what, reason, make]] of forged.entries()) {
    it(`refuses an event ${what}, counts it in its status, and changes nothing`, async () => {
      await connected()
      const [state, at] = [await summary(), performance.now()]
      const cursor = (await status()).control_plane.last_event_id
      controlPlane.sendRaw(block(`forged-${index}`, await make()))
      await until('the refusal is in the status', async () => reason.test(await problems()))
      assert.match(await problems(), /\d+ /)
      assert.deepEqual(await summary(), state)
      assert.equal((await status()).control_plane.last_event_id, cursor)
      assert.equal(connectsSince(at), 0, 'the connection stays up')
      await accepts(`web-${index}`)
    })
  }

  it('refuses an event that was sent before, and one whose id it has handled', async () => {
    const payload = { metadata: { role: 'once' }, data: [] }
    const event = { type, payload, eventId: 'evt_once' }
    const envelope = await controlPlane.signer.envelope(event)
    await letsIn('once', 'once-1', envelope)
    await accepts('twice')
    controlPlane.sendRaw(block('once-2', envelope))
    await until('it is refused', async () => /replayed/.test(await problems()))
    assert.equal((await summary()).metadata.role, 'twice')
    const again = await controlPlane.signer.envelope(event)
    controlPlane.sendRaw(block('once-3', again))
    await delay(200)
    assert.equal((await summary()).metadata.role, 'twice')
  })

  it('remembers over a restart what it was sent', async () => {
    const payload = { metadata: { role: 'old' }, data: [] }
    const envelope = await controlPlane.signer.envelope({ type, payload })
    await letsIn('old', 'restart-1', envelope)
    await accepts('new')
    await agent.end('SIGKILL')
    await agent.start()
    await connected()
    controlPlane.sendRaw(block('restart-2', envelope))
    await until('it is refused', async () => /replayed/.test(await problems()))
    assert.equal((await summary()).metadata.role, 'new')
    await accepts('newer')
  })

  it('takes nothing from an event whose stream breaks off', async () => {
    await connected()
    const cursor = (await status()).control_plane.last_event_id
    const at = performance.now()
    const text = block('torn', await controlPlane.signer.envelope(evil))
    controlPlane.sendRaw(text.slice(0, -1))
    controlPlane.closeStreams()
    const next = await until('it connects again', () => connectsFrom(at)[0])
    assert.equal(next.headers['last-event-id'], cursor)
    assert.notEqual((await summary()).metadata.role, 'evil')
  })

  const payloads: [string, string, object][] = [
    ['a state that is a list', 'node_state_updated', []],
    ['labels that are numbers', 'node_state_updated', { metadata: { role: 1 }, data: [] }],
    ['data that is no list', 'node_state_updated', { metadata: {}, data: { version: 1 } }],
    ['secrets that are no list', 'node_secrets_updated', { secret_refs: { a: 1 } }],
    [
      'a signing key of 31 bytes',
      'signing_key_rotated',
      { current: Buffer.alloc(31).toString('base64') },
    ],
    [
      'a signing key that is none',
      'signing_key_rotated',
      { current: '', new_signing_public_key: 'x' },
    ],
    ['a peer without a key', 'peer_added', { id: 'n_x', peer_id: 'n_x', mesh_ip: '10.100.0.9' }],
    ['an action without an id', 'action_request', { action: 'system.info' }],
    ['a type that it does not know', 'never_heard_of', { a: 1 }],
  ]
  it('passes over signed events that make no sense', async () => {
    await connected()
    const state = await summary()
    const at = performance.now()
    for (const [what, event, payload] of payloads) {
      await controlPlane.publish(event, payload)
      await delay(50)
      assert.deepEqual(await summary(), state, what)
    }
    await accepts('sane')
    assert.ok(connectsSince(at) <= 1)
  })

  it('keeps its memory and its pace under a block of 40 MB and a line without an end', async () => {
    await connected()
    const before = await rssBytes()
    const at = performance.now()
    const megabyte = 'x'.repeat(1024 * 1024)
    controlPlane.sendRaw('id: huge\ndata: "')
    for (let count = 0; count < 40 && isConnected(); count++) {
      controlPlane.sendRaw(megabyte)
      await delay(10)
    }
    await until('it hangs up', () => !isConnected() || connectsSince(at) > 0, 20_000)
    await accepts('after the flood')
    assert.ok(connectsSince(at) <= 3)
    assert.ok((await rssBytes()) - before < 250 * 1024 * 1024)
  })

  it('stays answerable and does not ask for its state each time under 2,000 forged events', async () => {
    await connected()
    const at = performance.now()
    for (let count = 0; count < 2_000; count++)
      controlPlane.sendRaw(block(`flood-${count}`, await stranger.envelope(evil)))
    const askedAt = performance.now()
    await summary()
    assert.ok(performance.now() - askedAt < 10_000)
    await accepts('after the forgers')
    const pulls = controlPlane.sent('/state').filter(({ atMs }) => atMs >= at)
    const seconds = (performance.now() - at) / 1_000
    assert.ok(pulls.length <= 3 + 2 * seconds, `${pulls.length} pulls in ${seconds} s`)
    assert.ok(connectsSince(at) <= 2)
  })

  it('keeps what it has when the state it pulls makes no sense', async () => {
    await accepts('kept')
    const state = await summary()
    const bodies = [
      '',
      '<html>',
      '[]',
      '{"metadata":{"role":1}}',
      '{"data":{"key":"a"}}',
      '{"data":[{"key":"a"}]',
      '{"peers":[{"id":"n_x"}]}',
      `{"node_id":"n_other","metadata":{"role":"evil"}}`,
      `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    ]
    for (const body of bodies) {
      answerInstead('/state', { status: 200, text: body })
      const asked = controlPlane.sent('/state').length
      await controlPlane.publish('resync', { reason: 'test' })
      await until('it pulls', () => controlPlane.sent('/state').length > asked)
      await delay(100)
      assert.deepEqual(await summary(), state, body.slice(0, 60))
    }
    answerAsUsual()
    await accepts('sane again')
  })

  it('takes all of a state but the entry that does not fit, says which, and forgets it when it is gone', async () => {
    const entry = { content_type: 't', version: 1, updated_at: '2025-01-15T10:30:00Z' }
    const good = { ...entry, key: 'good', payload: '%' }
    const bad = [
      { ...entry, key: '', payload: 1 },
      { ...entry, key: 'k'.repeat(513), payload: 1 },
      {
        ...entry,
        key: 'deep',
        payload: JSON.parse(`${'['.repeat(80)}${']'.repeat(80)}`) as unknown,
      },
    ]
    const payload = '{"n":[9007199254740993,1e400,-0],"2":1,"n":"twice"}'
    await accepts('before')
    const state = JSON.stringify({
      ...controlPlane.state,
      metadata: { role: 'rest' },
      data: [...bad, good],
    })
    answerInstead('/state', { status: 200, text: state.replace('"%"', payload) })
    await controlPlane.publish('resync', { reason: 'test' })
    await until('the rest takes effect', async () => (await summary()).metadata.role === 'rest')
    assert.deepEqual(
      (await summary()).data_keys.map(({ key }) => key),
      ['good'],
    )
    const { text = '' } = await local.getData({ params: { key: 'good' } })
    assert.ok(text.includes(`"payload":${payload},`), text)
    assert.match(await problems(), /left out.*data entry "" \(.*"kkk.*"deep" \(it is nested deeper/)

    answerAsUsual()
    await accepts('sane after all')
    assert.doesNotMatch(await problems(), /left out/)
  })

  it('writes data under no name but its own', async () => {
    await connected()
    const identity = await readdir(agent.dataDir)
    const keys = [
      '../../identity',
      '..',
      '.',
      'a/b',
      '\u0000',
      '__proto__',
      'constructor',
      'ü'.repeat(256),
    ]
    const data = keys.map((key) => ({
      key,
      content_type: 'text/plain',
      payload: key,
      version: 1,
      updated_at: '2025-01-15T10:30:00Z',
    }))
    controlPlane.change({ metadata: { ['__proto__']: 'x' }, data })
    await controlPlane.publish(type, { metadata: { role: 'keys' }, data })
    await until('they are there', async () => (await summary()).data_keys.length === keys.length)
    for (const key of keys.slice(3)) {
      const path = `/v1/state/data/${encodeURIComponent(key)}`
      const answer = await curlSocket(agent.socket, path)
      assert.equal(answer.json<{ payload: string }>().payload, key)
    }
    assert.deepEqual(await readdir(agent.dataDir), identity)
    assert.deepEqual((await readdir(folder)).sort(), ['ca.crt', 'victim'])
    assert.deepEqual((await readdir(agent.home)).sort(), ['api.sock', 'data', 'plexd.log'])
    await agent.end()
    await agent.start()
    assert.equal((await summary()).data_keys.length, keys.length)
    await accepts('keys gone')
  })

  it('answers 500 or 503 for secrets that it cannot open', async () => {
    const bodies = [
      {},
      { key: 'other', ciphertext: '', nonce: '', version: 1 },
      { key: 'k', ciphertext: 'AAAA', nonce: 'AAAA', version: 1 },
      {
        key: 'k',
        ciphertext: Buffer.alloc(48).toString('base64'),
        nonce: 'AAAAAAAAAAAAAAAA',
        version: 1,
      },
      { key: 'k', ciphertext: 1, nonce: null, version: 'x' },
    ]
    for (const body of bodies) {
      answerInstead('/secrets/k', { status: 200, body })
      const answer = await curlSocket(agent.socket, '/v1/state/secrets/k')
      assert.ok([500, 503].includes(answer.status), `${answer.status} ${answer.text}`)
    }
    answerAsUsual()
  })

  it('waits long after a 401, says so, and serves what it has', async () => {
    await agent.end()
    await agent.start()
    await accepts('before the 401')
    answerInstead('/events', { status: 401, body: { error: 'unauthorized' } })
    const at = performance.now()
    controlPlane.closeStreams()
    await until('it is refused', async () => (await status()).control_plane.stream === 'refused')
    await delay(3_000)
    assert.equal(connectsSince(at), 1)
    assert.notEqual(await problems(), '')
    assert.equal((await summary()).metadata.role, 'before the 401')
    answerAsUsual()
    await agent.end()
    await agent.start()
  })

  it('never connects in a hot loop, whatever its stream is answered', async () => {
    await connected()
    const endings: ReturnType<FakeControlPlane['override']>[] = [
      { status: 200, headers: { 'content-type': 'text/event-stream' } },
      { status: 500, body: { error: 'x' } },
      { status: 503, body: { error: 'x' } },
      { status: 302, headers: { location: '/v1/elsewhere' } },
      { status: 0, hangUp: true },
      { status: 200, headers: { 'content-type': 'text/html' }, text: '<html>' },
      { status: 204 },
    ]
    let turn = 0
    controlPlane.override = ({ line }) =>
      line.endsWith('/events') ? endings[turn++ % endings.length] : undefined
    const at = performance.now()
    controlPlane.closeStreams()
    await until('it has tried four times', () => connectsSince(at) >= 4, 60_000)
    const connects = connectsFrom(at)
    const gaps = connects.slice(1).map(({ atMs }, index) => atMs - (connects[index]?.atMs ?? 0))
    const meanMs = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    // One that this process notices late makes the next gap shorter, but not all of them.
    assert.ok(meanMs > 700 && gaps.every((gap) => gap > 300), `${gaps}`)
  })

  it('still runs', async () => {
    assert.equal(agent.program().child.exitCode, null)
    assert.doesNotMatch(await agent.program().log(), /uncaught|unhandled|ERR_UNHANDLED/i)
  })
})

describe('plexd join at a hostile control plane', { concurrency: 2 }, () => {
  const identity = {
    node_id: 'n_1',
    mesh_ip: '10.100.0.1',
    signing_public_key: Buffer.alloc(32, 1).toString('base64'),
    node_secret_key: Buffer.alloc(32, 2).toString('base64'),
    peers: [],
  }
  const answers: [string, unknown][] = [
    ['no body', ''],
    ['no identity', {}],
    ['an empty node id', { ...identity, node_id: '' }],
    ['a mesh IP that is none', { ...identity, mesh_ip: '10.100.0.999' }],
    [
      'a signing key of 31 bytes',
      { ...identity, signing_public_key: Buffer.alloc(31).toString('base64') },
    ],
    ['a secret key that is none', { ...identity, node_secret_key: 'short' }],
  ]
  for (const [what, answer] of answers) {
    it(`saves nothing when it is given ${what}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'plexd-hostile-'))
      await using controlPlane = await startFakeControlPlane({ tls: true })
      controlPlane.override = ({ line }) =>
        line.endsWith('/register') ? { status: 201, body: answer } : undefined
      const caFile = await writeAuthority(folder)
      const dataDir = join(folder, 'data')
      const { code, stdout } = await runProgram(
        'plexd',
        [
          ...['join', '--api', controlPlane.url, '--ca-file', caFile],
          ...['--data-dir', dataDir, '--hostname', 'x'],
        ],
        { PLEXD_BOOTSTRAP_TOKEN: 'token' },
      )
      assert.notEqual(code, 0)
      assert.equal(stdout, '')
      const saved: string[] = await readdir(dataDir).catch(() => [])
      assert.ok(!saved.includes('identity.json'))
      await rm(folder, { recursive: true })
    })
  }
})

/** The file with who signed the certificate of the control plane. */
async function writeAuthority(folder: string): Promise<string> {
  const caFile = join(folder, 'ca.crt')
  await writeFile(caFile, authority)
  return caFile
}
