import assert from 'node:assert/strict'
import http from 'node:http'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type ApiError, nskBytes, type RegisterRequest } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { openEventReader } from '../../testing/event-reader.ts'
import { newPublicKey, startControlPlane, type TestControlPlane } from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'

const refused = 'invalid, expired or already used bootstrap token'

describe('POST /v1/register', () => {
  it('answers 201 with an identity, and with the peers that are already there', async () => {
    await using plane = await startControlPlane()
    const db = await plane.enrol('db-01')
    const key = newPublicKey()

    const { status, body } = await plane.anonymous.register({
      body: await request(plane, { public_key: key, capabilities: {} }),
    })

    assert.equal(status, 201)
    assert.match(body.node_id, /^n_[0-9a-z]{16}$/)
    assert.equal(body.mesh_ip, '10.100.0.2')
    assert.equal(Uint8Array.fromBase64(body.signing_public_key).length, 32)
    assert.equal(body.node_secret_key.length, 44)
    assert.match(body.node_token ?? '', /^plx_node_/)
    const [peer] = body.peers
    assert.equal(body.peers.length, 1)
    assert.equal(Uint8Array.fromBase64(peer?.psk ?? '').length, 32)
    assert.deepEqual(peer, {
      id: db.node_id,
      hostname: 'db-01',
      public_key: db.publicKey,
      mesh_ip: '10.100.0.1',
      endpoint: '',
      allowed_ips: ['10.100.0.1/32'],
      psk: peer?.psk,
      status: 'online',
    })
  })

  it('tells the peers, with the PSK that the new node was given', async () => {
    await using plane = await startControlPlane()
    const db = await plane.enrol('db-01')
    await using reader = await openEventReader(plane.url, { token: db.token, nodeId: db.node_id })

    const web = await plane.enrol('web-01')

    const { payload } = await reader.next('peer_added')
    assert.deepEqual(payload, {
      id: web.node_id,
      hostname: 'web-01',
      peer_id: web.node_id,
      public_key: web.publicKey,
      mesh_ip: web.mesh_ip,
      endpoint: '',
      allowed_ips: [`${web.mesh_ip}/32`],
      psk: web.peers[0]?.psk,
      status: 'online',
    })
  })

  it('keeps no token, key or PSK readable in the database', async () => {
    await using plane = await startControlPlane()
    const body = await request(plane)
    const { body: answer } = await plane.anonymous.register({ body })
    const peer = await plane.enrol('db-01')

    const rows = await Promise.all(
      (['nodes', 'bootstrap_tokens', 'events', 'signing_keys', 'admin_tokens'] as const).map(
        (table) => plane.app.store.reader.selectFrom(table).selectAll().execute(),
      ),
    )
    const text = JSON.stringify(rows)
    for (const secret of [
      body.token,
      answer.node_secret_key,
      answer.node_token ?? '',
      peer.peers[0]?.psk ?? '',
      plane.adminToken,
    ])
      assert.ok(secret.length > 20 && !text.includes(secret))
  })

  describe('refuses with 400', () => {
    const plane = openControlPlane()

    const cases: [name: string, change: Record<string, unknown>, error: RegExp][] = [
      ['no token', { token: undefined }, /^request body has no "token": send it along$/],
      ['an empty token', { token: '' }, /^token: it is empty/],
      ['a token over 512 bytes', { token: 'x'.repeat(513) }, /^token: it has 513/],
      ['no key', { public_key: undefined }, /public_key/],
      ['a key of 31 bytes', { public_key: new Uint8Array(31).toBase64() }, /^public_key /],
      ['a key in base64url', { public_key: `${'-'.repeat(42)}A=` }, /^public_key /],
      ['no hostname', { hostname: undefined }, /hostname/],
      ['an empty hostname', { hostname: '' }, /^hostname /],
      ['a hostname over 253 characters', { hostname: 'a'.repeat(254) }, /^hostname /],
      ['a hostname with a line break', { hostname: 'web\n01' }, /^hostname: /],
      ...[
        'Web_01',
        '10.0.0.1',
        'n_0123456789abcdef',
        '-rf',
        '*',
        'role=web',
        'w\u0435b',
        'we\u034fb',
      ].map((hostname): [string, Record<string, unknown>, RegExp] => [
        `the hostname ${JSON.stringify(hostname)}`,
        { hostname },
        /^hostname: parse hostname ".+": (want letters|its last label is a number)/,
      ]),
      ['a key of zeros', { public_key: new Uint8Array(32).toBase64() }, /of low order/],
      ['a hostname that is a number', { hostname: 7 }, /^hostname /],
      ['metadata that is no text', { metadata: { zone: 1 } }, /^metadata/],
    ]
    for (const [name, change, error] of cases) {
      it(`${name}, and burns nothing`, async () => {
        const body = await request(plane, { hostname: `node-${crypto.randomUUID()}` })
        const bad = { ...body, ...change } as RegisterRequest // wrong on purpose

        await assert.rejects(plane.anonymous.register({ body: bad }), isError(400, error))
        assert.equal((await plane.anonymous.register({ body })).status, 201)
      })
    }

    it('JSON that is none', async () => {
      const answer = await post(plane.url, Buffer.from('{"token": '), {
        'content-type': 'application/json',
      })
      assert.deepEqual(answer, {
        status: 400,
        body: '{"error":"invalid JSON body","code":"bad_request"}',
      })
    })
  })

  describe('refuses with 401 and one text', () => {
    it('a token nobody made', async () => {
      await using plane = await startControlPlane()
      const body = { ...(await request(plane)), token: 'plx_enroll_nobody' }
      await assert.rejects(plane.anonymous.register({ body }), isError(401, refused))
    })

    it('an expired token', async () => {
      const clock = createFakeClock()
      await using plane = await startControlPlane({ clock })
      const body = await request(plane, {}, { ttlMs: 60_000 })
      await clock.advance(60_000)
      await assert.rejects(plane.anonymous.register({ body }), isError(401, refused))
    })

    it('a token that another key has used', async () => {
      await using plane = await startControlPlane()
      const body = await request(plane)
      await plane.anonymous.register({ body })
      const other = { ...body, public_key: newPublicKey(), hostname: 'web-02' }
      await assert.rejects(plane.anonymous.register({ body: other }), isError(401, refused))
    })

    it('a revoked token, before its use and after', async () => {
      await using plane = await startControlPlane()
      const [unused, used] = [await request(plane), await request(plane, { hostname: 'web-02' })]
      await plane.anonymous.register({ body: used })
      await plane.app.store.write((tx) =>
        tx.updateTable('bootstrap_tokens').set({ revoked_at: 1 }).execute(),
      )
      for (const body of [unused, used])
        await assert.rejects(plane.anonymous.register({ body }), isError(401, refused))
    })
  })

  describe('refuses with 409 and burns nothing', () => {
    it('a hostname that is taken in the tenant', async () => {
      await using plane = await startControlPlane()
      await plane.enrol('web-01')
      const body = await request(plane, { hostname: 'web-01' })

      await assert.rejects(
        plane.anonymous.register({ body }),
        isError(409, 'hostname "web-01" is taken in this tenant'),
      )
      const { status } = await plane.anonymous.register({ body: { ...body, hostname: 'web-02' } })
      assert.equal(status, 201)
    })

    it('a hostname that is taken in another spelling', async () => {
      await using plane = await startControlPlane()
      await plane.enrol('web-01')
      for (const hostname of ['Web-01', 'web-01.', 'WEB-01.'])
        await assert.rejects(
          plane.anonymous.register({ body: await request(plane, { hostname }) }),
          isError(409, 'hostname "web-01" is taken in this tenant'),
        )
    })

    it('a name that was chosen, when the token is for another', async () => {
      await using plane = await startControlPlane()
      const bound = { hostname: 'db-01' }
      const body = await request(plane, { hostname: 'web-01', hostname_chosen: true }, bound)

      await assert.rejects(
        plane.anonymous.register({ body }),
        isError(400, /^the token is for hostname "db-01", not "web-01": leave the name out/),
      )
      const same = { ...body, hostname: 'DB-01' }
      assert.equal((await plane.anonymous.register({ body: same })).body.hostname, 'db-01')
    })

    it('a key that another node has', async () => {
      await using plane = await startControlPlane()
      const { publicKey } = await plane.enrol('web-01')
      const body = await request(plane, { public_key: publicKey, hostname: 'web-02' })

      await assert.rejects(plane.anonymous.register({ body }), isError(409, /public key/))
      const again = { ...body, public_key: newPublicKey() }
      assert.equal((await plane.anonymous.register({ body: again })).status, 201)
    })
  })

  it('gives the same answer for the same token and key until the first call of the node', async () => {
    await using plane = await startControlPlane()
    const body = await request(plane)
    const first = await plane.anonymous.register({ body })

    const second = await plane.anonymous.register({ body })
    assert.equal(second.status, 201)
    assert.deepEqual(second.body, first.body)
    assert.equal(plane.app.fleet.nodeCount(), 1)

    const node = plane.clientFor(first.body.node_token ?? '')
    await node.heartbeat({ params: { node_id: first.body.node_id }, body: {} })
    await assert.rejects(plane.anonymous.register({ body }), isError(401, refused))
  })

  it('gives the same answer after a restart', async () => {
    await using folder = await makeTemporaryFolder()
    const old = await startControlPlane({ dataDir: folder.path })
    const body = await request(old)
    const first = await old.anonymous.register({ body })
    await old[Symbol.asyncDispose]()

    await using plane = await startControlPlane({ dataDir: folder.path })
    assert.deepEqual((await plane.anonymous.register({ body })).body, first.body)
  })

  it('makes exactly one node of 64 that race for one token', async () => {
    await using plane = await startControlPlane()
    const token = await plane.createToken()

    const outcomes = await Promise.allSettled(
      Array.from({ length: 64 }, (_, index) =>
        plane.anonymous.register({
          body: { token, public_key: newPublicKey(), hostname: `web-${index}` },
        }),
      ),
    )

    const reasons = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [(outcome.reason as ApiError).status] : [],
    )
    assert.deepEqual(new Set(reasons), new Set([401]))
    assert.equal(reasons.length, 63)
    assert.equal(plane.app.fleet.nodeCount(), 1)
    const rows = await plane.app.store.reader.selectFrom('nodes').select('id').execute()
    assert.equal(rows.length, 1)
  })

  it('gives 64 that race with a token each an address each', async () => {
    await using plane = await startControlPlane()
    const nodes = await Promise.all(
      Array.from({ length: 64 }, (_, index) => plane.enrol(`web-${index}`)),
    )
    assert.equal(new Set(nodes.map(({ mesh_ip }) => mesh_ip)).size, 64)
  })

  it('lets what the token says win over what the node says', async () => {
    await using plane = await startControlPlane()
    const token = await plane.createToken({ hostname: 'preset', metadata: { env: 'prod' } })
    const { body } = await plane.anonymous.register({
      body: {
        token,
        public_key: newPublicKey(),
        hostname: 'own-idea',
        metadata: { env: 'dev', zone: 'a' },
      },
    })
    const node = plane.app.fleet.node(body.node_id)
    assert.equal(node?.hostname, 'preset')
    assert.deepEqual(node?.labels, { env: 'prod' })
    assert.deepEqual(node?.reported, { env: 'dev', zone: 'a' })
  })

  it('gives the address of a node that has just left only when there is no other', async () => {
    await using plane = await startControlPlane({ config: { meshCidr: '10.100.0.0/29' } })
    const first = await plane.enrol('first')
    await plane.enrol('second')
    await first.api.deregister({ params: first })

    const ips: string[] = []
    for (const name of ['a', 'b', 'c', 'd', 'e']) ips.push((await plane.enrol(name)).mesh_ip)
    assert.deepEqual(ips, ['10.100.0.3', '10.100.0.4', '10.100.0.5', '10.100.0.6', '10.100.0.1'])

    const body = await request(plane)
    await assert.rejects(plane.anonymous.register({ body }), (error: ApiError) => {
      assert.match(error.message, /is full/)
      return error.status === 503 && error.retryAfterSeconds === 60
    })
  })

  it('stores names in lower case, and says which one the node has', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('Web-01.Example.COM.')
    assert.equal(web.hostname, 'web-01.example.com')
    assert.equal(plane.app.fleet.node(web.node_id)?.hostname, 'web-01.example.com')
  })

  it('refuses a token that an older version bound to what is no hostname', async () => {
    await using plane = await startControlPlane()
    const body = await request(plane, {}, { hostname: '-rf' })
    await assert.rejects(
      plane.anonymous.register({ body }),
      isError(400, /^bootstrap token "tok_\w+": parse hostname "-rf": want letters/),
    )
  })

  describe('the node secret key', () => {
    const plane = openControlPlane()

    const keyOf = async (
      plane: TestControlPlane,
      options: Parameters<TestControlPlane['enrol']>[1],
    ): Promise<string> =>
      (await plane.enrol(`node-${crypto.randomUUID()}`, options)).node_secret_key

    it('is 32 characters for the Go agent: its User-Agent without capabilities', async () => {
      const key = await keyOf(plane, { userAgent: 'plexd/dev', capabilities: null })
      assert.match(key, /^[A-Za-z0-9_-]{32}$/)
      assert.equal(nskBytes(key).length, 32)
    })

    it('is base64 for everyone else', async () => {
      assert.equal((await keyOf(plane, { userAgent: 'plexd/1.0.0' })).length, 44)
      assert.equal((await keyOf(plane, { userAgent: 'curl/8', capabilities: null })).length, 44)
    })

    it('is as the token says, whoever asks', async () => {
      const go = { userAgent: 'plexd/dev', capabilities: null }
      assert.equal((await keyOf(plane, { ...go, nskFormat: 'base64' })).length, 44)
      assert.equal((await keyOf(plane, { nskFormat: 'raw32' })).length, 32)
    })

    it('is a bearer token too', async () => {
      const node = await plane.enrol('web-02')
      const { status } = await plane
        .clientFor(node.node_secret_key)
        .heartbeat({ params: node, body: {} })
      assert.equal(status, 200)
    })
  })

  it('takes a gzip body from who shows a token that could be used, and a null for what is left out', async () => {
    await using plane = await startControlPlane()
    const body = { ...(await request(plane)), metadata: null, capabilities: null }
    const packed = gzipSync(JSON.stringify(body))
    const bearer = { authorization: `Bearer ${body.token}` }
    assert.equal((await post(plane.url, packed, gzip)).status, 401)
    assert.equal((await post(plane.url, packed, { ...gzip, ...bearer })).status, 201)
    // The answer may have been lost.
    assert.equal((await post(plane.url, packed, { ...gzip, ...bearer })).status, 201)
  })

  it("unpacks nothing for a token that is expired, revoked or nobody's", async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const expired = await plane.createToken({ ttlMs: 1_000 })
    await clock.advance(2_000)
    const { id, token } = (await plane.admin.createToken({ body: {} })).body
    await plane.admin.revokeToken({ params: { token_id: id } })
    for (const bearer of [expired, token, 'plx_enroll_nobody', plane.adminToken])
      assert.equal(
        (
          await post(plane.url, Buffer.from('no gzip'), {
            ...gzip,
            authorization: `Bearer ${bearer}`,
          })
        ).status,
        401,
      )
  })

  it('refuses what is larger than 64 KiB with 400, packed or not: 413 would be tried again', async () => {
    await using plane = await startControlPlane()
    const bearer = { authorization: `Bearer ${await plane.createToken()}` }
    const plain = Buffer.alloc(64 * 1024 + 1, ' ')
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024, ' '))
    for (const [body, headers] of [
      [plain, json],
      [bomb, { ...gzip, ...bearer }],
      [Buffer.from('no gzip'), { ...gzip, ...bearer }],
    ] as const)
      assert.equal((await post(plane.url, body, headers)).status, 400)
    assert.equal((await post(plane.url, bomb, { ...json, 'content-encoding': 'br' })).status, 415)
  })
})

const json = { 'content-type': 'application/json' }
const gzip = { ...json, 'content-encoding': 'gzip' }

async function request(
  plane: TestControlPlane,
  given: Partial<RegisterRequest> = {},
  token: Parameters<TestControlPlane['createToken']>[0] = {},
): Promise<RegisterRequest> {
  return {
    token: await plane.createToken(token),
    public_key: newPublicKey(),
    hostname: 'web-01',
    ...given,
  }
}

function post(
  url: string,
  body: Buffer,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = http.request(`${url}/v1/register`, { method: 'POST', headers }, async (answer) => {
      const chunks = await Array.fromAsync(answer)
      resolve({ status: answer.statusCode ?? 0, body: chunks.join('') })
    })
    // The server need not read all of a body that it refuses.
    call.on('error', reject)
    call.end(body)
  })
}
