import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startPlace } from '../testing/local-api-place.ts'
import type { LocalResponse } from './testing/exchange.ts'

describe('the fast path', () => {
  it('answers as the slow one does', async () => {
    const data = ['a', 'big'].map((key) => ({
      key,
      content_type: 't',
      payload: JSON.stringify(key === 'big' ? 'ü'.repeat(100_000) : 'ü'),
      version: 1,
      updated_at: '2025-01-15T10:30:00Z',
    }))
    await using place = await startPlace({ metadata: { a: 'ü' }, data })
    for (const path of [
      '/v1/state',
      '/v1/state/metadata/a',
      '/v1/state/data',
      '/v1/state/data/a',
      '/v1/state/data/big',
      '/v1/state/data/none',
      '/v1/state/report/%2F',
      '/nothing',
      '/v1//state',
      '/v1/state/%zz',
    ])
      for (const tag of ['"x"', '*']) {
        const headers = { 'if-none-match': tag }
        const fast = await place.unix('GET', path, { headers })
        const slow = await place.oneShot('GET', path, { headers })
        assert.deepEqual(comparable(fast), comparable(slow), `${path} ${tag}`)
        assert.ok(Number.isFinite(Date.parse(String(fast.headers.date))))
      }
  })

  it('hands a connection over at an unusual request, even between pipelined ones', async () => {
    await using place = await startPlace({ metadata: { a: 'b' } })
    const get = 'GET /v1/state/metadata/a HTTP/1.1\r\nHost: x\r\n\r\n'
    const body = '{"content_type":"t","payload":1}'
    const put = `PUT /v1/state/report/r HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const last = get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
    const text = await talk(place.socketPath, [get + get + put + get, get, last])
    assert.deepEqual(
      text.match(/\{"key":"[ar]"/g),
      ['a', 'a', 'r', 'a', 'a', 'a'].map((key) => `{"key":"${key}"`),
    )
  })

  it('understands a request that comes byte by byte', async () => {
    await using place = await startPlace({ metadata: { a: 'b' } })
    const last = 'GET /v1/state/metadata/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    const text = await talk(place.socketPath, [...last])
    assert.ok(text.endsWith('\r\n\r\n{"key":"a","value":"b"}\n'), text)
  })

  it('keeps a large answer in memory once, however many clients do not read it', async () => {
    const payload = JSON.stringify('x'.repeat(4_000_000))
    const entry = { key: 'k', content_type: 't', payload, version: 1, updated_at: '' }
    await using place = await startPlace({ data: [entry] })
    const ask = 'GET /v1/state/data/k HTTP/1.1\r\nHost: x\r\n\r\n'
    const before = process.memoryUsage.rss()
    const sockets = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = net.connect(place.socketPath)
        socket.write(ask)
        await once(socket, 'readable')
        return socket
      }),
    )
    const grownBytes = process.memoryUsage.rss() - before
    for (const socket of sockets) socket.destroy()
    assert.ok(grownBytes < 100_000_000, `${grownBytes} bytes for 100 answers of 4 MB`)
  })

  it('makes no answers for a caller that does not read them', async () => {
    const payload = JSON.stringify('x'.repeat(50_000))
    const entry = { key: 'a', content_type: 't', version: 1, updated_at: '2025-01-15T10:30:00Z' }
    await using place = await startPlace({ data: [{ ...entry, payload }] })
    const socket = net.connect(place.socketPath)
    const request = 'GET /v1/state/data/a HTTP/1.1\r\nHost: x\r\n\r\n'
    let blocked = false
    for (let n = 0; n < 2_000 && !blocked; n++) {
      blocked = !socket.write(request.repeat(100))
      await delay(1)
    }
    assert.ok(blocked, 'all requests were taken')
    assert.equal((await place.unix('GET', '/v1/state')).status, 200)
    let bytes = 0
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    const closed = once(socket, 'close')
    if (socket.writableNeedDrain) await once(socket, 'drain')
    socket.end()
    await closed
    assert.ok(bytes > 1_000_000)
  })

  it('does not keep the daemon from stopping', async () => {
    const place = await startPlace()
    const socket = net.connect(place.socketPath)
    await once(socket, 'connect')
    const startMs = performance.now()
    await place[Symbol.asyncDispose]()
    assert.ok(performance.now() - startMs < 10_000)
    socket.destroy()
  })
})

/** All but the time and what is said about the connection. */
function comparable({ status, headers, text }: LocalResponse): unknown {
  const { date: _date, connection: _connection, 'keep-alive': _keepAlive, ...rest } = headers
  return { status, headers: rest, text }
}

async function talk(socketPath: string, chunks: string[]): Promise<string> {
  const socket = net.connect(socketPath)
  socket.setNoDelay()
  const closed = once(socket, 'close')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  for (const chunk of chunks) {
    socket.write(chunk)
    await delay(2)
  }
  await closed
  return text
}
