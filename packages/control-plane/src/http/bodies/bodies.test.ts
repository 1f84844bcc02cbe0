import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { EnrolledNode } from '../../testing/harness.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'

const json = { 'content-type': 'application/json' }

describe('the body of a request', () => {
  const plane = openControlPlane({
    config: {
      limits: {
        stranger_body_ms: 300,
        stranger_body_bytes_in_flight: 50_000,
        body_bytes_in_flight: 3 * 1024 * 1024,
      },
    },
  })
  let web: EnrolledNode
  before(async () => {
    web = await plane.enrol('web')
  })

  const heartbeat = () => `/v1/nodes/${web.node_id}/heartbeat`
  const send = (
    path: string,
    body: string | Buffer<ArrayBuffer> | undefined,
    headers: Record<string, string> = {},
    { method = 'POST', token = web.token } = {},
  ) =>
    fetch(plane.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...json, ...headers },
      ...(body === undefined ? {} : { body }),
    })
  const words = async (answer: Response) => [
    answer.status,
    ((await answer.json()) as { error?: string }).error,
  ]

  it('is refused as soon as it is too deep or has too many values, before it is all there', async () => {
    for (const [start, error] of [
      [`{"x":${'['.repeat(64)}`, 'request body is nested deeper than 64: make it flatter'],
      [
        `{"x":[${'1,'.repeat(200_000)}`,
        'request body has more than 200000 values: send it in parts',
      ],
    ] as const) {
      const socket = connect(Number(new URL(plane.url).port), '127.0.0.1')
      socket.write(
        `PUT /v1/nodes/${web.node_id}/capabilities HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${web.token}\r\n` +
          `Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n${start}`,
      )
      const [answer] = (await once(socket, 'data')) as [Buffer]
      assert.match(answer.toString(), /^HTTP\/1\.1 400 /)
      assert.ok(answer.toString().endsWith(`{"error":"${error}","code":"bad_request"}`))
      socket.destroy()
    }
  })

  it('may begin with a byte order mark, and be packed in words that mean gzip or nothing', async () => {
    assert.equal((await send(heartbeat(), '\ufeff{}')).status, 200)
    const packed = gzipSync('{}')
    for (const encoding of ['gzip', 'x-gzip', 'GZIP'])
      assert.equal((await send(heartbeat(), packed, { 'content-encoding': encoding })).status, 200)
    for (const encoding of ['', ' ', 'identity'])
      assert.equal((await send(heartbeat(), '{}', { 'content-encoding': encoding })).status, 200)
    assert.equal((await send(heartbeat(), packed, { 'content-encoding': 'br' })).status, 415)
  })

  it('is refused when a key of ours stands in it twice', async () => {
    const twice = await send(heartbeat(), '{"status":"healthy","\\u0073tatus":"degraded"}')
    assert.deepEqual(await words(twice), [
      400,
      'body has "status" twice in one object: send each key once',
    ])
    const data = '{"target":{"selector":"a=b"},"content_type":"a/b","payload":{"k":1,"k":2}}'
    const asOwner = { method: 'PUT', token: plane.adminToken }
    assert.equal((await send('/admin/v1/data/k', data, {}, asOwner)).status, 200)
  })

  it('does not matter where none is asked for', async () => {
    const asOwner = { token: plane.adminToken }
    const { node_id, token } = await plane.enrol('leaving')
    const rotate = '/admin/v1/nodes/leaving/rotate-keys'
    for (const body of [undefined, '', '{', 'x'.repeat(10_000)])
      assert.equal((await send(rotate, body, {}, asOwner)).status, 202)
    for (const body of [undefined, '', '{'])
      assert.equal((await send(`/v1/nodes/${node_id}/deregister`, body, {}, { token })).status, 200)
    const { id } = (await plane.admin.createToken({ body: {} })).body
    const removal = await send(`/admin/v1/tokens/${id}`, '', {}, { ...asOwner, method: 'DELETE' })
    assert.equal(removal.status, 200)
  })

  it('of a stranger has to come in time', async () => {
    const socket = connect(Number(new URL(plane.url).port), '127.0.0.1')
    socket.write(
      `POST /v1/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    )
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.1 408 /)
    socket.destroy()
  })

  it('waits for its turn when others take all the room, and strangers take none of that of nodes', async () => {
    const port = Number(new URL(plane.url).port)
    const head = (length: number) =>
      `POST /v1/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
    const first = connect(port, '127.0.0.1')
    first.write(head(45_000) + ' '.repeat(40_000))
    const second = connect(port, '127.0.0.1')
    // Which of the two comes first does not matter: there is room for one.
    second.write(head(45_000) + ' '.repeat(40_000))
    const answers = await Promise.all(
      [first, second].map(async (socket) => String((await once(socket, 'data'))[0])),
    )
    const [refused = ''] = answers.filter((answer) => answer.startsWith('HTTP/1.1 503 '))
    assert.match(refused, /retry-after: 1\r\n/i)
    assert.match(refused, /stranger_body_bytes_in_flight is 50000 bytes/)
    assert.equal((await send(heartbeat(), '{}')).status, 200)
    first.destroy()
    second.destroy()
  })

  it('leaves the connection as it was when it is refused', async () => {
    const socket = connect(Number(new URL(plane.url).port), '127.0.0.1')
    const head = `POST ${heartbeat()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${web.token}\r\nContent-Type: application/json\r\n`
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    const large = ' '.repeat(2 * 1024 * 1024)
    socket.write(`${head}Content-Length: ${large.length}\r\n\r\n${large}`)
    socket.end(`${head}Content-Length: 2\r\nConnection: close\r\n\r\n{}`)
    await once(socket, 'close')
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 413', 'HTTP/1.1 200'])
  })
})
