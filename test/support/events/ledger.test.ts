import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EventRecord } from '@plexd/protocol'
import { type Delivery, ledgerFaults } from './ledger.ts'

const delivery = (seq: number, type = 'peer_removed'): Delivery => ({
  id: `e-${seq}`,
  event_id: `evt_${seq}`,
  event_type: type,
  nonce: crypto.randomUUID(),
  payload: {},
})
const record = (seq: number, type = 'peer_removed'): EventRecord => ({
  id: `e-${seq}`,
  event_id: `evt_${seq}`,
  event_type: type,
  node_id: 'n_1',
  node_hostname: 'web-01',
  created_at: '2025-01-15T10:30:00Z',
  payload_of: 'event',
  payload: { execution_id: `exec_${seq}` },
})
const faults = (deliveries: Delivery[], log: EventRecord[], answered: string[] = []): string[] =>
  ledgerFaults(deliveries, { log, afterId: 'e-2', answered: new Set(answered) })

describe('ledgerFaults', () => {
  const log = [record(1), record(3), record(5)]

  it('finds none when each event behind the start came once and in order', () => {
    assert.deepEqual(faults([delivery(3), delivery(5)], log), [])
  })

  it('finds what is missing, repeated, out of order or unknown', () => {
    assert.deepEqual(faults([delivery(3)], log), ['e-5 peer_removed never came'])
    assert.deepEqual(faults([delivery(3), delivery(3), delivery(5)], log), ['e-3 came behind e-3'])
    assert.deepEqual(faults([delivery(5), delivery(3)], log), ['e-3 came behind e-5'])
    assert.deepEqual(faults([delivery(3), delivery(4), delivery(5)], log), [
      'e-4 peer_removed is not in the log',
    ])
  })

  it('finds a nonce that came twice', () => {
    const three = { ...delivery(3), nonce: 'n' }
    const five = { ...delivery(5), nonce: 'n' }
    assert.deepEqual(faults([three, five], log), ['nonce "n" came twice'])
  })

  it('lets an action request come again without an id, and be missing once it is answered', () => {
    const actions = [record(3, 'action_request'), record(5, 'action_request')]
    const again = { ...delivery(3, 'action_request'), id: '' }
    assert.deepEqual(faults([delivery(3, 'action_request'), again], actions, ['exec_5']), [])
    assert.deepEqual(faults([delivery(3, 'action_request')], actions), [
      'e-5 action_request never came',
    ])
    assert.deepEqual(faults([delivery(3), delivery(5), { ...delivery(3), id: '' }], log), [
      'peer_removed "evt_3" came out of its turn',
    ])
  })
})
