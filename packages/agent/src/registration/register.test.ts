import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError, type RegisterRequest, type RegisterResponse } from '@plexd/protocol'
import { CliError, exitCodes, silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { defaultConfig } from '../config/agent-config.ts'
import { rangesOf } from '../identity/identity.ts'
import { generatePrivateKey, publicKeyOf } from '../identity/keys.ts'
import { aPeer } from '../testing/peer.ts'
import { type Registration, register } from './register.ts'

const privateKey = generatePrivateKey()
const answer: RegisterResponse = {
  node_id: 'n_abc123',
  mesh_ip: '10.100.1.1',
  signing_public_key: Buffer.alloc(32, 1).toString('base64'),
  node_secret_key: Buffer.alloc(32, 2).toString('base64'),
  peers: [aPeer('n_web')],
  node_token: 'plx_node_x',
}

const config = {
  ...defaultConfig,
  hostname: 'web-01',
  apiUrl: 'https://cp.example.com',
  caFile: '/etc/ca.pem',
}

describe('register', () => {
  it('turns the answer into an identity', async () => {
    const { run, sent } = setUp([answer])

    const { identity, peers } = await run()
    assert.deepEqual(identity, {
      node_id: 'n_abc123',
      mesh_ip: '10.100.1.1',
      hostname: 'web-01',
      private_key: privateKey,
      signing_public_key: answer.signing_public_key,
      node_secret_key: answer.node_secret_key,
      node_token: 'plx_node_x',
    })
    assert.deepEqual(peers, answer.peers)
    assert.deepEqual(sent, [
      {
        token: 'plx_enroll_a8f3c7',
        public_key: publicKeyOf(privateKey),
        hostname: 'web-01',
        metadata: { os: 'linux' },
        capabilities: { builtin_actions: [] },
      },
    ])
  })

  it('stores the range of its own address beside the list of all, for older versions that know only one', async () => {
    const mesh_ranges = ['10.100.0.0/16', '10.200.5.0/24']
    const own = { mesh_ip: '10.200.5.1', mesh_range: '10.200.5.0/24', mesh_ranges }
    const { identity } = await setUp([{ ...answer, ...own }]).run()
    assert.partialDeepStrictEqual(identity, own)
    assert.deepEqual(rangesOf(identity), mesh_ranges)
  })

  it('leaves capabilities that are too large for a registration to the PUT after it', async () => {
    const binary = { version: '1.2.3' }
    const hooks = Array.from({ length: 1_000 }, (_, n) => ({
      name: `hook-${n}`,
      checksum: 'x'.repeat(64),
    }))
    const { run, sent } = setUp([answer], { capabilities: { binary, hooks } })
    await run()
    assert.deepEqual(sent[0]?.capabilities, { binary })
  })

  it('accepts an answer without node_token and with a raw 32-character key', async () => {
    const { node_token, ...seed } = { ...answer, node_secret_key: 'k'.repeat(32) }
    const { identity } = await setUp([seed]).run()
    assert.equal(identity.node_token, undefined)
    assert.equal(identity.node_secret_key, 'k'.repeat(32))
  })

  it('registers without peers if those in the answer are invalid', async () => {
    for (const peers of [undefined, null, [{ id: 'n_web' }]]) {
      const registered = await setUp([{ ...answer, peers } as RegisterResponse]).run()
      assert.deepEqual(registered.peers, [])
    }
  })

  const broken: [string, Partial<Record<keyof RegisterResponse, unknown>>][] = [
    ['no node id', { node_id: '' }],
    ['no mesh IP', { mesh_ip: '' }],
    ['a mesh IP that is none', { mesh_ip: 'web-01' }],
    ['a signing key of 31 bytes', { signing_public_key: Buffer.alloc(31).toString('base64') }],
    ['an empty signing key', { signing_public_key: '' }],
    ['a secret key of 16 bytes', { node_secret_key: Buffer.alloc(16).toString('base64') }],
    ['no secret key', { node_secret_key: undefined }],
  ]
  for (const [name, change] of broken) {
    it(`refuses an answer with ${name}`, async () => {
      const bad = { ...answer, ...change } as RegisterResponse // what a broken server sends
      await assert.rejects(setUp([bad]).run(), /cannot be an identity/)
    })
  }

  it('sends the same request again until it is answered', async () => {
    const down = new Error('connection refused')
    const busy = new ApiError('internal', 'internal error')
    const { run, sent, waits } = setUp([down, busy, answer])
    await run()
    assert.equal(sent.length, 3)
    assert.deepEqual(sent[0], sent[2])
    assert.ok(
      waits.every((ms, at) => ms >= 750 * 2 ** at && ms <= 1_250 * 2 ** at),
      String(waits),
    )
  })

  it('waits as long as the control plane asks', async () => {
    const busy = new ApiError('too_many_requests', 'slow down', { retryAfterSeconds: 42 })
    const { run, waits } = setUp([busy, answer])
    await run()
    assert.deepEqual(waits, [42_000])
  })

  it('gives up after the given time', async () => {
    const { run, waits } = setUp([], { giveUpAfterMs: 5 * 60_000 })
    await assert.rejects(run(), (error: unknown) => {
      assert.ok(error instanceof CliError)
      assert.match(error.message, /connect to control plane "https:\/\/cp.example.com": down/)
      return error.exitCode === exitCodes.unreachable
    })
    const totalMs = waits.reduce((sum, ms) => sum + ms, 0)
    assert.ok(totalMs > 3 * 60_000 && totalMs <= 5 * 60_000, `${totalMs} ms`)
  })

  it('retries for ever if no time is given', async () => {
    const outage = Array.from({ length: 30 }, () => new Error('down'))
    assert.equal((await setUp([...outage, answer]).run()).identity.node_id, 'n_abc123')
  })

  const refusals: [number, ApiError, RegExp][] = [
    [
      exitCodes.denied,
      new ApiError('unauthorized', 'invalid, expired or already used bootstrap token'),
      /register "web-01": invalid, expired .*: make a new token with "plexctl token create"/,
    ],
    [
      exitCodes.failed,
      new ApiError('conflict', 'hostname "web-01" is taken in this tenant'),
      /is taken in this tenant: choose another with --hostname, or free it with "plexctl node remove web-01"/,
    ],
    [exitCodes.failed, new ApiError('bad_request', 'malformed key'), /answered 400: malformed key/],
    [exitCodes.denied, new ApiError('not_found', 'not found'), /answered 404/],
  ]
  for (const [exitCode, error, message] of refusals) {
    it(`fails now for ${error.status}, and says what to do`, async () => {
      const { run, sent } = setUp([error])
      await assert.rejects(run(), (thrown: unknown) => {
        assert.ok(thrown instanceof CliError)
        assert.match(thrown.message, message)
        assert.doesNotMatch(thrown.message, /plx_enroll/)
        return thrown.exitCode === exitCode
      })
      assert.equal(sent.length, 1)
    })
  }

  it("says what to do if the machine's name is no valid hostname", async () => {
    const error = new ApiError('bad_request', 'hostname: parse hostname "Web_01": want letters')
    const { run } = setUp([error], { config: { ...config, hostname: 'Web_01' } })
    await assert.rejects(
      run(),
      /^CliError: register "Web_01": hostname: .*: give this node another name with --hostname NAME/,
    )
  })

  it('uses the name that the control plane gives', async () => {
    const { run, sent } = setUp([{ ...answer, hostname: 'db-01' }], {
      config: { ...config, hostnameChosen: true },
    })
    assert.equal((await run()).identity.hostname, 'db-01')
    assert.equal(sent[0]?.hostname_chosen, true)
  })

  it('fails at once for an untrusted certificate, and names the CA file', async () => {
    const error = Object.assign(new Error('self-signed certificate in certificate chain'), {
      code: 'SELF_SIGNED_CERT_IN_CHAIN',
    })
    await assert.rejects(
      setUp([error]).run(),
      /certificate of "https:\/\/cp.example.com" is not signed by the CA in "\/etc\/ca.pem"/,
    )
  })
})

function setUp(
  script: (RegisterResponse | Omit<RegisterResponse, 'node_token'> | Error)[],
  options: Partial<Registration> = {},
) {
  const clock = createFakeClock()
  const sent: RegisterRequest[] = []
  const waits: number[] = []
  const client = {
    async register({ body }: { body: RegisterRequest }) {
      sent.push(body)
      const next = script.shift() ?? new Error('down')
      if (next instanceof Error) throw next
      return { status: 201, headers: {}, body: next }
    },
  }
  const run = () =>
    register({
      config,
      client,
      token: 'plx_enroll_a8f3c7',
      privateKey,
      capabilities: { builtin_actions: [] },
      metadata: { os: 'linux' },
      // Time passes as fast as it is waited for.
      clock: {
        ...clock,
        async sleep(ms) {
          waits.push(ms)
          await clock.advance(ms)
        },
      },
      log: silentLog,
      ...options,
    })
  return { run, sent, waits }
}
