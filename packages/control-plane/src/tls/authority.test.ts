import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect, createServer } from 'node:tls'
import { loadTls, makeAuthority, type Tls } from './authority.ts'

const dayMs = 24 * 60 * 60_000

describe('loadTls', () => {
  let dataDir: string
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'plexd-tls-'))
  })
  after(() => rm(dataDir, { recursive: true }))

  const load = (options: { extraNames?: string[]; nowMs?: number } = {}): Promise<Tls> =>
    loadTls({ dataDir, listenHost: '127.0.0.1', ...options })

  it('makes an authority and a certificate that a client of the authority accepts', async () => {
    const tls = await load()
    assert.equal(tls.ca, await readFile(join(dataDir, 'ca.crt'), 'utf8'))
    for (const name of ['ca.key', 'server.key'])
      assert.equal((await stat(join(dataDir, 'tls', name))).mode & 0o777, 0o600)
    for (const name of ['localhost', '127.0.0.1'])
      assert.equal(await handshake(tls, name), 'TLSv1.3')
    assert.ok(new X509Certificate(tls.cert).checkIP('::1'))
    assert.match(
      new X509Certificate(tls.cert).subjectAltName ?? '',
      new RegExp(`DNS:${hostname()}`),
    )
  })

  it('keeps both for the next start', async () => {
    assert.deepEqual(await load(), await load())
  })

  it('makes a certificate anew for a further name, under the same authority', async () => {
    const [old, now] = [await load(), await load({ extraNames: ['cp.example.com', '192.0.2.7'] })]
    assert.notEqual(now.cert, old.cert)
    assert.equal(now.ca, old.ca)
    assert.equal(await handshake(now, 'cp.example.com'), 'TLSv1.3')
    assert.ok(new X509Certificate(now.cert).checkIP('192.0.2.7'))
  })

  it('makes a certificate anew when it ends within 30 days', async () => {
    const old = await load()
    const nowMs = Date.now() + 340 * dayMs
    const now = await load({ nowMs })
    assert.notEqual(now.cert, old.cert)
    assert.equal(now.ca, old.ca)
    assert.ok(new X509Certificate(now.cert).validToDate.getTime() > nowMs + 300 * dayMs)
  })

  it('makes certificate and key anew under another authority: with the old key, the new certificate is worth nothing', async () => {
    const old = await load()
    const next = await makeAuthority(Date.now())
    const authorities = { ...next, others: [old.ca ?? ''], endorsements: [] }
    const now = await loadTls({ dataDir, listenHost: '127.0.0.1', authorities })
    assert.notEqual(now.key, old.key)
    assert.equal(now.ca, next.certificate)
    assert.equal(await handshake(now, 'localhost'), 'TLSv1.3')
    assert.deepEqual(await loadTls({ dataDir, listenHost: '127.0.0.1', authorities }), now)
    await writeFile(join(dataDir, 'ca.crt'), old.ca ?? '')
  })

  it('makes certificates that nodes with right clocks accept while ours is years ahead, and keeps them when it is right again', async () => {
    const options = { dataDir: join(dataDir, 'ahead'), listenHost: '127.0.0.1' }
    const made = await loadTls({ ...options, nowMs: Date.now() + 3_000 * dayMs })
    assert.equal(await handshake(made, 'localhost'), 'TLSv1.3')
    assert.deepEqual(await loadTls(options), made)
    // And a clock that is behind keeps what there is: one made by it would have ended long ago.
    assert.deepEqual(await loadTls({ ...options, nowMs: 0 }), made)
  })

  it("does without the authority's key until it has to sign", async () => {
    await load()
    await rm(join(dataDir, 'tls', 'ca.key'))
    await load()
    await assert.rejects(load({ extraNames: ['new.example.com'] }), /"[^"]*ca\.key" is missing$/)
  })

  it("takes the operator's own files, and names those that do not fit together", async () => {
    const own = await loadTls({ dataDir: join(dataDir, 'own'), listenHost: 'localhost' })
    const certFile = join(dataDir, 'own.crt')
    const keyFile = join(dataDir, 'own.key')
    await writeFile(certFile, own.cert)
    await writeFile(keyFile, own.key)
    const options = { dataDir: join(dataDir, 'unused'), listenHost: 'localhost', certFile }
    assert.deepEqual(await loadTls({ ...options, keyFile }), { cert: own.cert, key: own.key })
    await assert.rejects(loadTls(options), /own\.crt": a certificate needs its key: give both/)
    await assert.rejects(
      loadTls({ ...options, keyFile: join(dataDir, 'none') }),
      /own\.crt" with key ".*none"/,
    )
    const otherKey = join(dataDir, 'tls', 'server.key')
    await assert.rejects(
      loadTls({ ...options, keyFile: otherKey }),
      /own\.crt" with key ".*server\.key"/,
    )
  })
})

/** The protocol version that a client which trusts only the authority agrees on. */
async function handshake({ cert, key, ca }: Tls, servername: string): Promise<string | null> {
  const server = createServer({ cert, key }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server's
  const isName = servername !== '127.0.0.1'
  const socket = connect({
    host: '127.0.0.1',
    port,
    ...(ca === undefined ? {} : { ca }),
    ...(isName ? { servername } : {}),
  })
  try {
    await once(socket, 'secureConnect')
    return socket.getProtocol()
  } finally {
    socket.destroy()
    server.close()
  }
}
