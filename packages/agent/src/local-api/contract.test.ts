import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startPlace } from '../testing/local-api-place.ts'

/** The rows of the wire contract, "Local node API", that the guide's examples do not have. */

describe('every GET route', () => {
  const paths = [
    '/v1/state',
    '/v1/state/metadata',
    '/v1/state/metadata/region',
    '/v1/state/data',
    '/v1/state/data/a%2Fb',
    '/v1/state/secrets',
    '/v1/state/report',
    '/v1/state/report/health',
  ]
  const state = {
    metadata: { region: 'eu' },
    data: [
      {
        key: 'a/b',
        content_type: 't',
        payload: '"\\u003cx\\u003e"',
        version: 1,
        updated_at: '2025-01-15T10:30:00Z',
      },
    ],
  }

  it('answers HEAD with the headers of GET and no body', async () => {
    await using place = await startPlace(state)
    await place.reports.put({ key: 'health', content_type: 't', payload: '1' })
    for (const path of [...paths, '/v1/status', '/v1/watch']) {
      const get = await place.unix('GET', path)
      const head = await place.unix('HEAD', path)
      assert.deepEqual([head.status, head.text], [200, ''], path)
      assert.equal(head.headers['content-length'], String(Buffer.byteLength(get.text)), path)
      assert.ok(get.text.endsWith('\n'), path)
    }
  })

  it('has an ETag, and answers 304 to a client that sends it', async () => {
    await using place = await startPlace(state)
    await place.reports.put({ key: 'health', content_type: 't', payload: '1' })
    for (const path of paths) {
      const etag = String((await place.unix('GET', path)).headers.etag)
      for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const again = await place.unix('GET', path, { headers: { 'if-none-match': known } })
        assert.deepEqual([again.status, again.text], [304, ''], `${path} ${known}`)
        assert.equal(again.headers.etag, etag)
      }
      const other = await place.unix('GET', path, { headers: { 'if-none-match': '"x"' } })
      assert.equal(other.status, 200)
    }
  })

  it('has a new ETag and a new index when it shows something new', async () => {
    await using place = await startPlace(state)
    const before = await place.unix('GET', '/v1/state')
    await place.reports.put({ key: 'health', content_type: 't', payload: '1' })
    const after = await place.unix('GET', '/v1/state')
    await place.desired.replace({ ...place.desired.current(), metadata: { region: 'us' } })
    const last = await place.unix('GET', '/v1/state')
    assert.equal(new Set([before, after, last].map(({ headers }) => headers.etag)).size, 3)
    const indexes = [before, after, last].map(({ headers }) => Number(headers['x-plexd-index']))
    assert.deepEqual(indexes, [indexes[0], Number(indexes[0]) + 1, Number(indexes[0]) + 2])
    const untouched = await place.unix('GET', '/v1/state/data')
    assert.equal(untouched.headers['x-plexd-index'], String(indexes[2]))
  })

  it('escapes a payload as Go does', async () => {
    await using place = await startPlace(state)
    const { text } = await place.unix('GET', '/v1/state/data/a%2Fb')
    assert.ok(text.includes('"payload":"\\u003cx\\u003e"'), text)
  })

  it('is served even while nothing is known', async () => {
    await using place = await startPlace()
    const texts = await Promise.all(
      ['', '/metadata', '/data', '/secrets', '/report'].map(
        async (path) => (await place.unix('GET', `/v1/state${path}`)).text,
      ),
    )
    assert.deepEqual(texts, [
      '{"metadata":{},"data_keys":[],"secret_keys":[],"report_keys":[]}\n',
      '{}\n',
      '[]\n',
      '[]\n',
      '[]\n',
    ])
  })

  it('does not mistake what objects inherit for a key', async () => {
    await using place = await startPlace(state)
    for (const key of ['constructor', '__proto__', 'toString'])
      assert.equal((await place.unix('GET', `/v1/state/metadata/${key}`)).status, 404)
  })
})

describe('what the router answers itself', () => {
  it('is text, with nosniff', async () => {
    await using place = await startPlace()
    const missing = await place.unix('GET', '/nothing')
    assert.deepEqual([missing.status, missing.text], [404, '404 page not found\n'])
    assert.equal(missing.headers['content-type'], 'text/plain; charset=utf-8')
    assert.equal(missing.headers['x-content-type-options'], 'nosniff')
    for (const method of ['OPTIONS', 'POST', 'DELETE']) {
      const refused = await place.unix(method, '/v1/state')
      assert.deepEqual([refused.status, refused.text], [405, 'Method Not Allowed\n'])
      assert.equal(refused.headers.allow, 'GET, HEAD')
    }
    const moved = await place.unix('GET', '/v1//state?a=b')
    assert.deepEqual([moved.status, moved.headers.location], [307, '/v1/state?a=b'])
  })
})

describe('PUT of a report', () => {
  const body = '{"content_type":"a/b","payload":1}'

  it('checks key, body, content type, payload, If-Match and version in this order', async () => {
    await using place = await startPlace()
    const put = async (key: string, text: string, ifMatch: string): Promise<unknown> =>
      (
        await place.unix('PUT', `/v1/state/report/${key}`, {
          body: text,
          headers: { 'if-match': ifMatch },
        })
      ).json
    assert.deepEqual(await put('%2F', '{', 'x'), { error: 'invalid report key' })
    assert.deepEqual(await put('a', '{', 'x'), { error: 'invalid JSON body' })
    assert.deepEqual(await put('a', '{}', 'x'), { error: 'content_type is required' })
    assert.deepEqual(await put('a', '{"content_type":"a"}', 'x'), {
      error: 'payload must be valid JSON',
    })
    assert.deepEqual(await put('a', body, 'x'), { error: 'If-Match must be an integer' })
    assert.deepEqual(await put('a', body, '1'), { error: 'version conflict' })
  })

  it('refuses a key that could be a path, on GET and DELETE too', async () => {
    await using place = await startPlace()
    for (const key of ['a%2Fb', '%2e', '%2e%2e', 'a%5Cb', '%ff', 'x'.repeat(513)])
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const { status, text } = await place.unix(method, `/v1/state/report/${key}`, { body })
        assert.deepEqual(
          [status, text],
          [400, '{"error":"invalid report key"}\n'],
          `${method} ${key}`,
        )
      }
  })

  it('stores null, and keys of any other sort', async () => {
    await using place = await startPlace()
    for (const key of ['a%00b', '%C3%BC', 'x'.repeat(512), '__proto__', 'a%20b']) {
      const target = `/v1/state/report/${key}`
      const put = await place.unix('PUT', target, { body: '{"content_type":"t","payload":null}' })
      assert.equal(put.status, 200)
      assert.deepEqual((await place.unix('GET', target)).json, put.json)
    }
  })

  it('reads If-Match as Go does, where 0 means that there is none yet', async () => {
    await using place = await startPlace()
    const put = async (ifMatch: string): Promise<number> =>
      (await place.unix('PUT', '/v1/state/report/a', { body, headers: { 'if-match': ifMatch } }))
        .status
    assert.equal(await put('0'), 200)
    assert.equal(await put('0'), 409)
    assert.equal(await put('+1'), 200)
    assert.equal(await put('"2"'), 400)
    assert.equal(await put(''), 200)
  })

  it('refuses a body over a mebibyte, and reads it to its end', async () => {
    await using place = await startPlace()
    const put = async (bytes: number): Promise<unknown[]> => {
      const text = '{"content_type":"t","payload":"'
      const full = `${text}${'x'.repeat(bytes - text.length - 2)}"}`
      const { status, json } = await place.unix('PUT', '/v1/state/report/a', { body: full })
      return [status, status === 200 ? 'stored' : json]
    }
    assert.deepEqual(await put(1_048_576), [200, 'stored'])
    assert.deepEqual(await put(1_048_577), [400, { error: 'invalid JSON body' }])
    assert.deepEqual(await put(20_000_000), [400, { error: 'invalid JSON body' }])
  })

  it('answers 500 when it cannot be stored', async () => {
    await using place = await startPlace()
    await place.reports[Symbol.asyncDispose]()
    const { status, text } = await place.unix('PUT', '/v1/state/report/a', { body })
    assert.deepEqual([status, text], [500, '{"error":"internal error"}\n'])
  })

  it('goes on with the version of a deleted entry', async () => {
    await using place = await startPlace()
    await place.unix('PUT', '/v1/state/report/a', { body })
    await place.unix('DELETE', '/v1/state/report/a', { headers: { 'if-match': '7' } })
    const { json } = await place.unix('PUT', '/v1/state/report/a', { body })
    assert.equal((json as { version: number }).version, 2) // an entry, as the status above says
  })
})

it('shows the status of the daemon', async () => {
  await using place = await startPlace()
  const { status, json } = await place.unix('GET', '/v1/status')
  assert.equal(status, 200)
  assert.equal((json as { node_id: string }).node_id, 'n_abc123') // the schema's
})
