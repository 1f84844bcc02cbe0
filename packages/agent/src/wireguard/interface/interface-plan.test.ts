import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generatePrivateKey, publicKeyOf } from '../../identity/keys.ts'
import { wgPeer } from '../../testing/peer.ts'
import { type DeviceRecord, emptyRecord } from '../device/device-record.ts'
import { planInterface, type WantedInterface } from './interface-plan.ts'
import type { Sight } from './sight.ts'

const privateKey = generatePrivateKey()
const wanted: WantedInterface = {
  name: 'plexd0',
  privateKey,
  listenPort: 51_820,
  keepaliveSeconds: 25,
  link: { mtu: 1420, address: '10.100.1.1/32', routes: ['10.100.0.0/16'] },
}
const db = wgPeer('db', { keepalive_seconds: 25 })

type Wireguard = Extract<Sight, { state: 'wireguard' }>

function sight(wg: Partial<Wireguard['wg']> = {}, link: Partial<Wireguard['link']> = {}): Sight {
  return {
    state: 'wireguard',
    backend: { name: 'kernel', read: fail, write: fail },
    link: {
      name: 'plexd0',
      kind: 'wireguard',
      up: true,
      mtu: 1420,
      addresses: ['10.100.1.1/32'],
      routes: ['10.100.0.0/16'],
      mainRoutes: [],
      ...link,
    },
    wg: { private_key: privateKey, listen_port: 51_820, fwmark: 0xe4, peers: [db], ...wg },
  }
}

const fail = (): never => assert.fail('planning reads nothing')
const plan = (seen: Sight, record: DeviceRecord = emptyRecord, changes = {}) =>
  planInterface({ ...wanted, ...changes }, seen, record)

describe('planInterface', () => {
  it('leaves an interface that is as wanted alone', () => {
    assert.deepEqual(plan(sight()), { faults: [], rebuild: false, keepalives: [], ip: [] })
  })

  it('makes one that is missing, with key and port', () => {
    assert.deepEqual(plan({ state: 'absent' }), {
      faults: ['interface was missing'],
      rebuild: true,
      private_key: privateKey,
      listen_port: 51_820,
      fwmark: 0xe4,
      keepalives: [],
      ip: [
        'link set dev plexd0 addrgenmode none',
        'link set dev plexd0 mtu 1420',
        'address add 10.100.1.1/32 dev plexd0',
        'link set dev plexd0 up',
        'route replace 10.100.0.0/16 dev plexd0 table 8293',
      ],
    })
  })

  it('replaces one that is not ours', () => {
    const foreign = plan({ state: 'foreign', why: 'it was of kind dummy', kind: 'dummy' })
    const strange = plan(sight({ private_key: generatePrivateKey() }))

    assert.deepEqual(foreign.faults, ['interface was not ours: it was of kind dummy'])
    assert.deepEqual(strange.faults, ['interface was not ours: it had another key'])
    assert.deepEqual([foreign.rebuild, strange.rebuild], [true, true])
  })

  it('replaces one whose process does not answer, and says so', () => {
    const { faults, rebuild } = plan({
      state: 'frozen',
      why: 'wireguard-go, process 7, was stopped',
    })

    assert.deepEqual([faults, rebuild], [['wireguard-go, process 7, was stopped'], true])
  })

  it('adopts one with the key that it had from us last, and gives it the new one', () => {
    const oldKey = generatePrivateKey()
    const record = { ...emptyRecord, public_key: publicKeyOf(oldKey) }

    const { rebuild, private_key, faults } = plan(sight({ private_key: oldKey }), record)

    assert.equal(rebuild, false)
    assert.equal(private_key, privateKey)
    assert.deepEqual(faults, ['private key was an older one'])
  })

  it('corrects the port, unless any will do', () => {
    const moved = sight({ listen_port: 4711 })

    assert.equal(plan(moved).listen_port, 51_820)
    assert.deepEqual(plan(moved).faults, ['listen port was 4711 instead of 51820'])
    assert.equal('listen_port' in plan(moved, emptyRecord, { listenPort: 0 }), false)
  })

  it('marks its packets again where somebody has taken the mark away', () => {
    const { fwmark, faults } = plan(sight({ fwmark: 0 }))

    assert.equal(fwmark, 0xe4)
    assert.deepEqual(faults, ['its packets were not marked: they could go into the mesh'])
  })

  it('corrects keepalive, but not of keys on their way', () => {
    const peers = [
      { ...db, keepalive_seconds: 0 },
      { ...db, public_key: 'old', keepalive_seconds: 0 },
    ]
    const handover = { peer_id: 'n', from: 'old', to: 'new', allowed_ips: [], started_ms: 0 }

    const { keepalives, faults } = plan(sight({ peers }), {
      ...emptyRecord,
      handovers: [handover],
    })

    assert.deepEqual(keepalives, [{ public_key: 'db', type: 'update', keepalive_seconds: 25 }])
    assert.deepEqual(faults, ['keepalive of 1 peers was another'])
  })

  it('leaves alone the keepalive of peers that are to be the first to speak', () => {
    const seen = sight({ peers: [{ ...db, keepalive_seconds: 0 }] })
    assert.deepEqual(planInterface(wanted, seen, emptyRecord, new Set(['db'])).keepalives, [])
  })

  it('says what is wrong with the link', () => {
    assert.deepEqual(plan(sight({}, { routes: [] })), {
      faults: ['route 10.100.0.0/16 was missing'],
      rebuild: false,
      keepalives: [],
      ip: ['route replace 10.100.0.0/16 dev plexd0 table 8293'],
    })
  })
})
