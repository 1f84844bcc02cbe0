import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseFilterNews } from './netlink-message.ts'

describe('parseFilterNews', () => {
  it('tells the table and who changed it', () => {
    const message = tableMessage({ type: 0, portId: 34_117, table: 'plexd_stun' })
    assert.deepEqual(parseFilterNews(message).changes, [{ portId: 34_117, table: 'plexd_stun' }])
  })

  it('reads all messages of a datagram', () => {
    const datagram = Buffer.concat([
      tableMessage({ type: 0, portId: 7, table: 'nat' }),
      tableMessage({ type: 7, portId: 8, table: 'plexd' }),
    ])
    assert.deepEqual(parseFilterNews(datagram).changes, [
      { portId: 7, table: 'nat' },
      { portId: 8, table: 'plexd' },
    ])
  })

  it('tells who made them, by what the kernel says at the end of a transaction', () => {
    // As nft 1.0.6 with process id 32151 was announced.
    const message = Buffer.from(
      '2c0000000f0a000000000000977d000000000003080001000000000308000200000' +
        '07d97080003006e667400',
      'hex',
    )
    assert.deepEqual(parseFilterNews(message), {
      changes: [],
      authors: [{ portId: 32_151, processId: 32_151, name: 'nft' }],
    })
  })

  it('leaves out messages of other subsystems, and the end of a transaction that names nobody', () => {
    const datagram = Buffer.concat([
      tableMessage({ type: 15, portId: 7, table: 'plexd' }),
      tableMessage({ subsystem: 1, type: 0, portId: 7, table: 'plexd' }),
    ])
    assert.deepEqual(parseFilterNews(datagram), { changes: [], authors: [] })
  })

  it('stops at a length that cannot be', () => {
    const message = tableMessage({ type: 0, portId: 7, table: 'plexd' })
    message.writeUInt32LE(message.length + 1, 0)
    assert.deepEqual(parseFilterNews(message).changes, [])
  })

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseFilterNews(Buffer.from(bytes))
      }),
    )
  })
})

function tableMessage({
  subsystem = 10,
  type,
  portId,
  table,
}: {
  subsystem?: number
  type: number
  portId: number
  table: string
}): Buffer {
  const name = Buffer.from(`${table}\0`)
  const message = Buffer.alloc(20 + ((4 + name.length + 3) & ~3))
  message.writeUInt32LE(message.length, 0)
  message.writeUInt16LE((subsystem << 8) | type, 4)
  message.writeUInt32LE(portId, 12)
  message.writeUInt16LE(4 + name.length, 20)
  message.writeUInt16LE(1, 22)
  name.copy(message, 24)
  return message
}
