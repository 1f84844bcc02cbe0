import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Type } from 'typebox'
import { createClient, errorOf } from './client.ts'
import { operation } from './operation.ts'
import type { TransportRequest, TransportResponse } from './transport.ts'

const api = {
  get: operation({
    method: 'GET',
    path: '/v1/nodes/{node_id}/secrets/{key}',
    auth: 'node',
    summary: '',
    query: Type.Object({ wait: Type.Optional(Type.String()), after: Type.Optional(Type.String()) }),
    response: Type.Object({ key: Type.String() }),
    status: 200,
    errors: [404],
  }),
  put: operation({
    method: 'PUT',
    path: '/v1/thing',
    auth: 'node',
    summary: '',
    request: Type.Object({ a: Type.Number() }),
    status: 200,
    errors: [],
  }),
  upload: operation({
    method: 'PUT',
    path: '/v1/upload',
    auth: 'operator',
    permission: 'artifacts.write',
    scope: 'installation',
    summary: '',
    requestKind: 'bytes',
    status: 201,
    errors: [],
  }),
}

/** A client whose transport keeps what it was asked and answers with this. */
function aClient(answer: Partial<TransportResponse>, token?: () => string | undefined) {
  const requests: TransportRequest[] = []
  const client = createClient(
    api,
    async (request) => {
      requests.push(request)
      return { status: 200, headers: {}, body: '', ...answer }
    },
    token,
  )
  return { client, requests }
}

const params = { node_id: 'n_1', key: 'db/password' }

describe('createClient', () => {
  it('makes a request of a row: path, query, token', async () => {
    const { client, requests } = aClient({ body: '{"key":"db/password"}' }, () => 'tok')

    const { body } = await client.get({ params, query: { wait: '5s & more', after: undefined } })

    assert.deepEqual(requests, [
      {
        method: 'GET',
        path: '/v1/nodes/n_1/secrets/db%2Fpassword?wait=5s+%26+more',
        headers: { accept: 'application/json', authorization: 'Bearer tok' },
      },
    ])
    assert.deepEqual(body, { key: 'db/password' })
  })

  it('asks for the token anew for each call', async () => {
    let token = 'old'
    const { client, requests } = aClient({}, () => token)

    await client.put({ body: { a: 1 } })
    token = 'new'
    await client.put({ body: { a: 1 } })

    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      ['Bearer old', 'Bearer new'],
    )
  })

  it('sends no authorization without a token, and what the caller adds', async () => {
    const { client, requests } = aClient({})
    const { signal } = new AbortController()

    await client.put({ body: { a: 1 }, headers: { 'if-match': '3' }, signal })

    assert.deepEqual(requests[0], {
      method: 'PUT',
      path: '/v1/thing',
      headers: { accept: 'application/json', 'content-type': 'application/json', 'if-match': '3' },
      body: '{"a":1}',
      signal,
    })
  })

  it('sends bytes as they are', async () => {
    const { client, requests } = aClient({ status: 201 })
    const bytes = new Uint8Array([1, 2])

    await client.upload({ body: bytes })

    assert.equal(requests[0]?.body, bytes)
    assert.equal(requests[0]?.headers['content-type'], 'application/octet-stream')
  })

  it('gives status and headers with an answer that has no body', async () => {
    const { client } = aClient({ status: 204, headers: { etag: '"r1"' } })

    const { status, headers, body } = await client.put({ body: { a: 1 } })

    assert.deepEqual(
      { status, headers, body },
      { status: 204, headers: { etag: '"r1"' }, body: undefined },
    )
  })

  it('counts 304 as an answer', async () => {
    const { client } = aClient({ status: 304, body: 'ignored' })

    assert.equal((await client.get({ params })).status, 304)
  })

  it('rejects with what the server said', async () => {
    const body = '{"error":"version conflict","code":"conflict","conflicts":["a"]}'
    const { client } = aClient({ status: 409, body })

    await assert.rejects(client.get({ params }), {
      name: 'ApiError',
      code: 'conflict',
      status: 409,
      message: 'version conflict',
      details: { error: 'version conflict', code: 'conflict', conflicts: ['a'] },
    })
  })

  it("rejects with the transport's own error when no answer came", async () => {
    const refused = new Error('connect ECONNREFUSED')
    const client = createClient(api, () => Promise.reject(refused))

    await assert.rejects(client.get({ params }), refused)
  })
})

describe('errorOf', () => {
  const answer = (status: number, body: string, headers: Record<string, string> = {}) =>
    errorOf({ status, headers, body })

  for (const body of ['', '<html>', 'null', '[1]', '"text"', '{"error":7}', '{"message":"x"}']) {
    it(`has words of its own for the body ${JSON.stringify(body)}`, () => {
      assert.equal(answer(502, body).message, 'the server answered 502')
    })
  }

  it('keeps a status outside the table, and counts it as its class', () => {
    assert.deepEqual([answer(502, '').code, answer(502, '').status], ['internal', 502])
    assert.deepEqual([answer(418, '').code, answer(418, '').status], ['bad_request', 418])
  })

  it('reads Retry-After in seconds and as a date', () => {
    // The clock of who answers is another than ours.
    const date = 'Wed, 15 Jan 2003 10:30:00 GMT'
    const wait = (text: string, headers = {}) =>
      answer(503, '', { 'retry-after': text, ...headers }).retryAfterSeconds

    assert.equal(wait('7'), 7)
    assert.equal(wait('Wed, 15 Jan 2003 10:31:00 GMT', { date }), 60)
    assert.equal(wait('Wed, 15 Jan 2003 10:29:00 GMT', { date }), 0)
    assert.equal(wait('Wed, 15 Jan 2003 10:31:00 GMT'), undefined)
    assert.equal(wait('soon', { date }), undefined)
    assert.equal(answer(503, '').retryAfterSeconds, undefined)
  })
})
