import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { openControlPlane } from '../../testing/open-control-plane.ts'

describe('requests that are sent at once on one connection', () => {
  const plane = openControlPlane()

  async function pipeline(requests: readonly string[]): Promise<string> {
    const socket = connect(Number(new URL(plane.url).port), '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    const last = requests.length - 1
    for (const [index, line] of requests.entries())
      socket.write(
        `${line} HTTP/1.1\r\nHost: x\r\n${index === last ? 'Connection: close\r\n' : ''}\r\n`,
      )
    await once(socket, 'close')
    return text
  }

  it('are all answered, in their order', async () => {
    const paths = Array.from({ length: 300 }, (_, n) =>
      n % 2 === 0 ? '/v1/ping' : `/nowhere/${n}`,
    )
    const text = await pipeline(paths.map((path) => `GET ${path}`))
    const statuses = text.match(/HTTP\/1\.1 \d+/g)
    assert.deepEqual(
      statuses,
      paths.map((path) => `HTTP/1.1 ${path === '/v1/ping' ? 200 : 404}`),
    )
  })

  it('keep nobody else waiting', async () => {
    const crowd = Promise.all(
      Array.from({ length: 5 }, () => pipeline(Array.from({ length: 300 }, () => 'GET /docs'))),
    )
    let isOver = false
    const end = () => {
      isOver = true
    }
    void crowd.then(end, end)
    let answered = 0
    while (!isOver) {
      assert.equal((await fetch(`${plane.url}/v1/ping`)).status, 200)
      answered++
    }
    await crowd
    assert.ok(answered >= 10, `${answered} others were answered meanwhile`)
  })

  it('are the same bytes, packed or not', async () => {
    const plain = await fetch(`${plane.url}/openapi.json`, {
      headers: { 'accept-encoding': 'identity' },
    })
    const text = await plain.text()
    assert.equal(plain.headers.get('content-encoding'), null)
    const packed = await pipeline(['GET /openapi.json HTTP/1.1\r\nAccept-Encoding: gzip\r\nX: y'])
    const body = Buffer.from(packed.slice(packed.indexOf('\r\n\r\n') + 4), 'latin1')
    assert.equal(gunzipSync(body).toString(), text)
  })

  it('may be HEAD where they may be GET: the same head, and no content', async () => {
    const admin = { authorization: `Bearer ${plane.adminToken}` }
    for (const [path, headers] of [
      ['/v1/ping', {}],
      ['/docs', {}],
      ['/admin/v1/nodes', admin],
    ] as const) {
      const get = await fetch(plane.url + path, { headers })
      const head = await fetch(plane.url + path, { method: 'HEAD', headers })
      assert.equal(head.status, 200)
      assert.equal(head.headers.get('content-type'), get.headers.get('content-type'))
      assert.equal(await head.text(), '')
    }
    const node = await plane.enrol('web')
    const bearer = { authorization: `Bearer ${node.token}` }
    const url = `${plane.url}/v1/nodes/${node.node_id}`
    const events = await fetch(`${url}/events`, { method: 'HEAD', headers: bearer })
    assert.deepEqual([events.status, await events.text()], [200, ''])
    assert.equal((await fetch(`${url}/heartbeat`, { method: 'HEAD', headers: bearer })).status, 405)
  })
})
