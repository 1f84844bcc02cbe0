import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import type net from 'node:net'
import { describe, it } from 'node:test'
import { resolveLimits } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { limits } from '../../config/limits.ts'
import { connectAs, type LocalApiPlace, startPlace } from '../../testing/local-api-place.ts'
import { maxBodyBytes } from '../requests/report-body.ts'
import { createBodyRoom } from './body-room.ts'

const room = { local_body_bytes: 1_600, local_body_bytes_per_user: 1_000 }

describe('createBodyRoom', () => {
  it('gives a user no more than the limit, and gives it again once returned', () => {
    const bodies = createBodyRoom(room)
    const [first, second] = [bodies.open(1_001), bodies.open(1_001)]
    first.take(600)
    assert.throws(() => second.take(500), {
      status: 429,
      message: /of one user take 1000 bytes \(limit local_body_bytes_per_user\) already: finish/,
    })
    second.take(400)
    first[Symbol.dispose]()
    second.take(600)
  })

  it('reserves some for root', () => {
    const bodies = createBodyRoom(room)
    bodies.open(1_001).take(1_000)
    bodies.open('tcp').take(500)
    assert.throws(() => bodies.open(1_002).take(1), /take 1500 bytes \(limit local_body_bytes\)/)
    bodies.open(0).take(100)
    assert.throws(() => bodies.open(0).take(1), /take 1600 bytes \(limit local_body_bytes\)/)
  })
})

const skip = process.getuid?.() === 0 ? false : 'acting as other users needs root'
const group = 4242

describe('bodies that are not finished', { skip }, () => {
  it('are refused beyond the limit of one user, while others are served', async () => {
    const few = resolveLimits(limits, { local_body_bytes_per_user: 4 * maxBodyBytes })
    await using place = await startPlace({}, { group: String(group), limits: few })
    await chmod(place.folder, 0o755)
    const open = Array.from({ length: 12 }, () => begin(place, 1_001))

    const refused = await Promise.race(open.map(answer))
    assert.match(refused, /^HTTP\/1\.1 429 /)
    assert.match(refused, /limit local_body_bytes_per_user/)
    assert.match(await finish(begin(place, 1_002)), /^HTTP\/1\.1 200 /)
    assert.match(await finish(begin(place, 0)), /^HTTP\/1\.1 200 /)

    for (const socket of open) socket.destroy()
    await Promise.all(open.map((socket) => socket.closed || once(socket, 'close')))
    // The other side sees each go in its own time.
    const isHeard = async () => /^HTTP\/1\.1 200 /.test(await finish(begin(place, 1_001)))
    await until('there is room again', isHeard)
  })

  it('take no more memory than their bytes, even in the smallest pieces', async () => {
    await using place = await startPlace({}, { group: String(group) })
    await chmod(place.folder, 0o755)
    const socket = connectAs({ uid: 1_001, gid: 1_001, groups: [group] }, place.socketPath)
    socket.setNoDelay(true)
    const text = '{"content_type":"text/plain","payload":"small pieces"}'
    socket.write(head(text.length))
    for (const character of text) {
      socket.write(character)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.match(await answer(socket), /^HTTP\/1\.1 200 .*"small pieces"/s)
    socket.destroy()
  })
})

const text = JSON.stringify({ content_type: 'text/plain', payload: 'x'.repeat(maxBodyBytes - 100) })

/** All of a large report but its last byte. */
function begin({ socketPath }: LocalApiPlace, uid: number): net.Socket {
  const socket = connectAs({ uid, gid: uid, groups: [group] }, socketPath)
  socket.on('error', () => {})
  socket.write(head(text.length))
  socket.write(text.slice(0, -1))
  return socket
}

function finish(socket: net.Socket): Promise<string> {
  socket.write(text.slice(-1))
  return answer(socket).finally(() => socket.destroy())
}

async function answer(socket: net.Socket): Promise<string> {
  const [chunk] = await once(socket, 'data')
  return String(chunk)
}

function head(bytes: number): string {
  return `PUT /v1/state/report/large HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n`
}
