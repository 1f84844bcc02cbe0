import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import net from 'node:net'
import { text as readAll } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { resolveLimits } from '@plexd/runtime'
import { limits } from '../../config/limits.ts'
import { connectAs, type LocalApiPlace, startPlace } from '../../testing/local-api-place.ts'

const skip = process.getuid?.() === 0 ? false : 'acting as other users needs root'
const group = 4242
const few = resolveLimits(limits, { local_connections: 16, local_connections_per_user: 4 })

describe('the connections of one user', { skip }, () => {
  it('are limited per user, so 1,100 of one user lock nobody out', async () => {
    await using place = await aPlace(resolveLimits(limits, {}))
    const open = await openMany(place, 1_100, 1_001)
    assert.equal(open.filter(({ destroyed }) => !destroyed).length, 256)
    assert.match(await get(connect(place, 0)), /^HTTP\/1\.1 200 /)
    assert.match(await get(connect(place, 1_002)), /^HTTP\/1\.1 200 /)
    assert.match(await get(connect(place, 1_001)), /^HTTP\/1\.1 200 /)
    for (const socket of open) socket.destroy()
  })

  it('are not closed while they wait for an answer; a further one is told why it is refused', async () => {
    await using place = await aPlace(few)
    const waiting = await openMany(place, 4, 1_001)
    const index = (await place.unix('GET', '/v1/state')).headers['x-plexd-index']
    const watch = `GET /v1/watch?index=${index}&wait=30s HTTP/1.1\r\nHost: x\r\n\r\n`
    for (const socket of waiting) socket.write(watch)
    await place.oneShot('GET', '/v1/state') // behind them
    const refused = await get(connect(place, 1_001))
    assert.match(refused, /^HTTP\/1\.1 429 /)
    assert.match(
      refused,
      /"there are 4 connections of one user \(limit local_connections_per_user\)/,
    )
    assert.match(await get(connect(place, 1_002)), /^HTTP\/1\.1 200 /)
    assert.deepEqual(place.messages, ['connections to the local API are refused'])
    for (const socket of waiting) socket.destroy()
  })

  it('leave room for root, and give up idle ones for other users, however many there are', async () => {
    await using place = await aPlace(few)
    const open: net.Socket[] = []
    for (let uid = 1_001; uid <= 1_020; uid++) open.push(...(await openMany(place, 4, uid)))
    assert.ok(open.filter(({ destroyed }) => !destroyed).length <= 15)
    assert.match(await get(connect(place, 1_099)), /^HTTP\/1\.1 200 /)
    assert.match(await get(connect(place, 0)), /^HTTP\/1\.1 200 /)
    for (const socket of open) socket.destroy()
  })

  it('count as those of one user if they come over TCP', async () => {
    await using place = await aPlace(few)
    const port = Number(place.api.httpAddress?.split(':').at(-1))
    const open = Array.from({ length: 20 }, () =>
      net.connect(port, '127.0.0.1').on('error', () => {}),
    )
    await Promise.all(open.map((socket) => once(socket, 'connect')))
    assert.equal((await place.tcp('GET', '/v1/state')).status, 200)
    assert.equal((await place.unix('GET', '/v1/state')).status, 200)
    assert.ok(open.filter(({ readyState }) => readyState === 'open').length <= 4)
    for (const socket of open) socket.destroy()
  })
})

async function aPlace(limits: typeof few): Promise<LocalApiPlace> {
  const place = await startPlace({}, { group: String(group), limits })
  await chmod(place.folder, 0o755)
  return place
}

function connect({ socketPath }: LocalApiPlace, uid: number): net.Socket {
  const socket = connectAs({ uid, gid: uid, groups: [group] }, socketPath)
  return socket.on('error', () => {}).resume()
}

/** Open, and seen by the other side: that it answers the last one is behind all before. */
async function openMany(place: LocalApiPlace, count: number, uid: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = []
  for (let n = 0; n < count; n++) {
    const socket = connect(place, uid)
    sockets.push(socket)
    if (n % 100 === 99) await place.oneShot('GET', '/v1/state') // the queue of the socket is not long
  }
  await place.oneShot('GET', '/v1/state')
  return sockets
}

function get(socket: net.Socket): Promise<string> {
  socket.write('GET /v1/state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  return readAll(socket)
}
