import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPingOpener, type PingSocket } from './ping-socket.ts'

const socket: PingSocket = { send: () => true, read: () => [], follow() {}, close() {} }

describe('createPingOpener', () => {
  it('loads the libraries for sockets once, when the first socket is needed', async () => {
    let loads = 0
    const open = createPingOpener('plexd0', async () => {
      loads++
      return (name) => {
        assert.equal(name, 'plexd0')
        return socket
      }
    })
    assert.equal(loads, 0)
    assert.deepEqual([await open(), await open()], [socket, socket])
    assert.equal(loads, 1)
  })
})
