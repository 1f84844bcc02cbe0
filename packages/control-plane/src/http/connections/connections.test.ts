import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Connection, createConnections } from './connections.ts'

interface Fake {
  name: string
  remoteAddress: string
  destroy(): void
}

function setUp(max: number) {
  const closed: string[] = []
  const connections = createConnections<Fake>(() => max)
  const open = (
    name: string,
    state: Partial<Pick<Connection<Fake>, 'requests' | 'isProven'>> = {},
    remoteAddress = '203.0.113.1',
  ) => {
    const connection = connections.add({ name, remoteAddress, destroy: () => closed.push(name) })
    if (connection) connections.changed(Object.assign(connection, state))
    return connection
  }
  return { closed, connections, open }
}

const stream = { requests: 1, isProven: true }

describe('createConnections', () => {
  it('closes strangers first, then who is idle, then what strangers ask, and nothing else', () => {
    const { closed, open } = setUp(5)
    open('stream', stream)
    open('asking', { requests: 1 })
    open('idle', { isProven: true })
    open('silent')
    open('second stream', stream)
    for (const name of ['third', 'fourth', 'fifth']) open(name, stream)
    assert.deepEqual(closed, ['silent', 'idle', 'asking'])
    assert.equal(open('one too many'), undefined)
  })

  it('closes those of who has most, the one that is silent for longest', () => {
    const { closed, open } = setUp(4)
    open('other', {}, '203.0.113.2')
    for (const name of ['first', 'second', 'third', 'fourth', 'fifth']) open(name)
    assert.deepEqual(closed, ['first', 'second'])
  })

  it('takes one that was busy for the newest of those that wait', () => {
    const { closed, connections, open } = setUp(2)
    const first = open('first', { requests: 1 })
    open('second')
    if (first) connections.changed(Object.assign(first, { requests: 0 }))
    open('third')
    assert.deepEqual(closed, ['second'])
  })

  it('counts none twice', () => {
    const { connections, open } = setUp(1)
    const first = open('first')
    open('second')
    if (first) connections.remove(first)
    assert.equal(connections.size(), 1)
  })
})
