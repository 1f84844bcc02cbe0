import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { startControlPlane, type TestControlPlane } from '../../testing/harness.ts'

const content = Buffer.from('plexd '.repeat(20_000))
const hex = createHash('sha256').update(content).digest('hex')
const params = { version: '1.5.0', os: 'linux', arch: 'amd64' }

const upload = (plane: TestControlPlane, body: Uint8Array = content, headers = {}) =>
  plane.admin.putArtifact({ params, body, headers })

async function get(
  plane: TestControlPlane,
  path: string,
  { token, headers = {} }: { token?: string; headers?: Record<string, string> } = {},
) {
  const answer = await fetch(`${plane.url}/v1/artifacts/${path}`, {
    headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
  })
  return {
    status: answer.status,
    headers: answer.headers,
    body: Buffer.from(await answer.arrayBuffer()),
  }
}

describe('artifacts', () => {
  it('come back as they were uploaded, with what a client can check them by', async () => {
    await using plane = await startControlPlane()
    const { token } = await plane.enrol('web')
    const { status, body } = await upload(plane, content, { 'x-checksum-sha256': hex })
    assert.deepEqual([status, body.size, body.checksum], [201, content.length, `sha256:${hex}`])
    const answer = await get(plane, 'plexd/1.5.0/linux/amd64', { token })
    assert.equal(answer.status, 200)
    assert.ok(answer.body.equals(content))
    const header = (name: string) => answer.headers.get(name)
    assert.equal(header('content-type'), 'application/octet-stream')
    assert.equal(header('content-length'), String(content.length))
    assert.equal(header('etag'), `"sha256:${hex}"`)
    assert.equal(header('x-checksum-sha256'), hex)
    assert.equal(header('digest'), `sha-256=${Buffer.from(hex, 'hex').toString('base64')}`)
    assert.equal(header('content-encoding'), null)
  })

  it('are given in part, and not at all to who has them', async () => {
    await using plane = await startControlPlane()
    const { token } = await plane.enrol('web')
    await upload(plane)
    const ask = (headers: Record<string, string>) =>
      get(plane, 'plexd/1.5.0/linux/amd64', { token, headers })
    const part = await ask({ range: 'bytes=6-11' })
    assert.deepEqual([part.status, part.body.toString()], [206, 'plexd '])
    assert.equal(part.headers.get('content-range'), `bytes 6-11/${content.length}`)
    const behind = await ask({ range: `bytes=${content.length}-` })
    assert.equal(behind.status, 416)
    assert.equal(behind.headers.get('content-range'), `bytes */${content.length}`)
    const etag = `"sha256:${hex}"`
    assert.equal((await ask({ 'if-none-match': etag })).status, 304)
    assert.equal((await ask({ range: 'bytes=0-1', 'if-range': etag })).status, 206)
    assert.equal((await ask({ range: 'bytes=0-1', 'if-range': '"other"' })).status, 200)
  })

  it('are not begun when they are longer or shorter than they were, so that nobody tries for ever', async () => {
    await using plane = await startControlPlane()
    const { token } = await plane.enrol('web')
    await upload(plane)
    for (const bad of [content.subarray(1), Buffer.concat([content, content])]) {
      const other = Readable.from([bad], { objectMode: false })
      const received = await plane.app.artifacts.receive(other, { maxBytes: 1e6 })
      await received.keep(params)
      const answer = await get(plane, 'plexd/1.5.0/linux/amd64', { token })
      assert.equal(answer.status, 404)
      assert.match(String(answer.body), new RegExp(`has ${bad.length} of ${content.length} bytes`))
    }
  })

  it('are described without being sent, to who asks with HEAD', async () => {
    await using plane = await startControlPlane()
    const { token } = await plane.enrol('web')
    await upload(plane)
    const url = `${plane.url}/v1/artifacts/plexd/1.5.0/linux/amd64`
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(url, { method: 'HEAD', headers })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-length'), String(content.length))
    assert.equal(answer.headers.get('etag'), `"sha256:${hex}"`)
    assert.equal((await answer.arrayBuffer()).byteLength, 0)
    const part = await fetch(url, { method: 'HEAD', headers: { ...headers, range: 'bytes=6-' } })
    assert.equal(
      part.headers.get('content-range'),
      `bytes 6-${content.length - 1}/${content.length}`,
    )
  })

  it('come with the signature that they were uploaded with, once it is known', async () => {
    await using plane = await startControlPlane()
    const { token } = await plane.enrol('web')
    const signed = async () =>
      (await get(plane, 'plexd/1.5.0/linux/amd64', { token })).headers.get('x-plexd-signature')
    const signature = Buffer.alloc(64, 7).toString('base64')
    const other = Buffer.alloc(64, 8).toString('base64')
    assert.equal((await upload(plane)).body.signature, null)
    assert.equal(await signed(), null)
    await assert.rejects(upload(plane, content, { 'x-plexd-signature': 'abc' }), { status: 400 })
    const { body } = await upload(plane, content, { 'x-plexd-signature': signature })
    assert.equal(body.signature, signature)
    assert.equal(await signed(), signature)
    assert.equal((await upload(plane)).body.signature, signature)
    await assert.rejects(upload(plane, content, { 'x-plexd-signature': other }), { status: 409 })
  })

  it('are for nodes, 404 where there is none and 400 for a name that is none', async () => {
    await using plane = await startControlPlane()
    const { token } = await plane.enrol('web')
    await upload(plane)
    const status = async (path: string, as?: string) =>
      (await get(plane, path, as === undefined ? {} : { token: as })).status
    assert.equal(await status('plexd/1.5.0/linux/amd64'), 401)
    assert.equal(await status('plexd/1.5.0/linux/amd64', plane.adminToken), 401)
    assert.equal(await status('plexd/1.6.0/linux/amd64', token), 404)
    assert.equal(await status('plexd/..%2F..%2Fmaster.key/linux/amd64', token), 400)
    assert.equal(await status('plexd/1.5.0/%2e%2e/amd64', token), 404)
  })

  it('are there for the install script, before there is a token', async () => {
    await using plane = await startControlPlane()
    await upload(plane)
    const binary = await get(plane, 'plexd-install/1.5.0/plexd-linux-amd64')
    assert.ok(binary.body.equals(content))
    const sums = await get(plane, 'plexd-install/1.5.0/checksums.sha256')
    assert.equal(sums.body.toString(), `${hex}  plexd-linux-amd64\n`)
    assert.match(sums.headers.get('content-type') ?? '', /^text\/plain/)
    for (const path of ['1.6.0/checksums.sha256', '1.5.0/other', '1.5.0/plexd-linux-arm64'])
      assert.equal((await get(plane, `plexd-install/${path}`)).status, 404)
  })

  it('do not change under their name', async () => {
    await using plane = await startControlPlane()
    const first = await upload(plane)
    assert.deepEqual((await upload(plane)).body, first.body)
    await assert.rejects(upload(plane, Buffer.from('other')), { status: 409 })
    assert.deepEqual((await plane.admin.listArtifacts({})).body.items, [first.body])
  })

  it('are refused when they are not the file that was meant, or have no proper name', async () => {
    await using plane = await startControlPlane()
    await assert.rejects(upload(plane, content, { 'x-checksum-sha256': '00' }), { status: 400 })
    await assert.rejects(upload(plane, new Uint8Array()), { status: 400 })
    const named = (version: string) =>
      plane.admin.putArtifact({ params: { ...params, version }, body: content })
    for (const version of ['..', '.hidden', 'a/b', 'x'.repeat(200)])
      await assert.rejects(named(version), (error: { status?: number }) =>
        [400, 404].includes(error.status ?? 0),
      )
    assert.deepEqual((await plane.admin.listArtifacts({})).body.items, [])
  })

  it('are gone when they are deleted', async () => {
    await using plane = await startControlPlane()
    const { token } = await plane.enrol('web')
    await upload(plane)
    await plane.admin.deleteArtifact({ params })
    assert.equal((await get(plane, 'plexd/1.5.0/linux/amd64', { token })).status, 404)
    await assert.rejects(plane.admin.deleteArtifact({ params }), { status: 404 })
    assert.equal((await upload(plane, Buffer.from('other'))).status, 201)
  })
})
