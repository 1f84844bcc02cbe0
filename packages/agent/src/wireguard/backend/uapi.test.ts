import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rememberPeers } from './known-peers.ts'
import { checkAnswer, parseGetAnswer, setRequest } from './uapi.ts'
import { newPeer } from './wg-interface.ts'

const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64')
const hex = (byte: number): string => Buffer.alloc(32, byte).toString('hex')

describe('setRequest', () => {
  it('writes the interface, removals, updates and additions in the order given', () => {
    const text = setRequest({
      private_key: key(1),
      listen_port: 51820,
      fwmark: 0xe4,
      peers: [
        { public_key: key(2), type: 'remove' },
        { public_key: key(3), type: 'update', psk: '', allowed_ips: [] },
        {
          public_key: key(4),
          type: 'add',
          psk: key(5),
          endpoint: '203.0.113.7:51820',
          allowed_ips: ['10.100.1.2/32', '10.7.0.0/24'],
          keepalive_seconds: 25,
        },
      ],
    })

    assert.deepEqual(text.split('\n'), [
      'set=1',
      `private_key=${hex(1)}`,
      'listen_port=51820',
      'fwmark=228',
      `public_key=${hex(2)}`,
      'remove=true',
      `public_key=${hex(3)}`,
      'update_only=true',
      `preshared_key=${hex(0)}`,
      'replace_allowed_ips=true',
      `public_key=${hex(4)}`,
      `preshared_key=${hex(5)}`,
      'endpoint=203.0.113.7:51820',
      'persistent_keepalive_interval=25',
      'replace_allowed_ips=true',
      'allowed_ip=10.100.1.2/32',
      'allowed_ip=10.7.0.0/24',
      '',
      '',
    ])
  })
})

describe('parseGetAnswer', () => {
  it('reads the interface and its peers', () => {
    const answer = [
      `private_key=${hex(1)}`,
      'listen_port=51820',
      'fwmark=228',
      `public_key=${hex(2)}`,
      `preshared_key=${hex(3)}`,
      'protocol_version=1',
      'endpoint=[2001:db8::1]:51820',
      'last_handshake_time_sec=1736937000',
      'last_handshake_time_nsec=5',
      'tx_bytes=92',
      'rx_bytes=148',
      'persistent_keepalive_interval=25',
      'allowed_ip=10.100.1.2/32',
      'allowed_ip=10.7.0.0/24',
      `public_key=${hex(4)}`,
      `preshared_key=${hex(0)}`,
      'errno=0',
    ]

    assert.deepEqual(parseGetAnswer(`${answer.join('\n')}\n\n`), {
      private_key: key(1),
      listen_port: 51820,
      fwmark: 0xe4,
      peers: [
        {
          public_key: key(2),
          psk: key(3),
          endpoint: '[2001:db8::1]:51820',
          allowed_ips: ['10.100.1.2/32', '10.7.0.0/24'],
          keepalive_seconds: 25,
          handshake_at: 1736937000,
          rx_bytes: 148,
          tx_bytes: 92,
        },
        {
          public_key: key(4),
          psk: '',
          endpoint: '',
          allowed_ips: [],
          keepalive_seconds: 0,
          handshake_at: 0,
          rx_bytes: 0,
          tx_bytes: 0,
        },
      ],
    })
  })

  it('reads an interface that has nothing yet', () => {
    assert.deepEqual(parseGetAnswer('errno=0\n\n'), {
      private_key: '',
      listen_port: 0,
      fwmark: 0,
      peers: [],
    })
  })
})

describe('rememberPeers', () => {
  it('parses again what has changed, whatever its place, and knows no more than the last reading', () => {
    const parsed: string[] = []
    const parsePeers = rememberPeers((text) => {
      parsed.push(text)
      return newPeer(text)
    })
    const [web, db] = parsePeers(['web', 'db'])
    assert.deepEqual(parsed.splice(0), ['web', 'db'])

    const [cache, again, same] = parsePeers(['cache', 'db', 'web'])
    assert.deepEqual(parsed.splice(0), ['cache'])
    assert.equal(cache?.public_key, 'cache')
    assert.equal(again, db)
    assert.equal(same, web)

    parsePeers([])
    parsePeers(['db'])
    assert.deepEqual(parsed, ['db'])
  })
})

describe('checkAnswer', () => {
  it('names a peer whose key is zeros as it is, so that it can be removed', () => {
    const zeros = '0'.repeat(64)
    const { peers } = parseGetAnswer(`public_key=${zeros}\npreshared_key=${zeros}\nerrno=0\n\n`)
    const [peer] = peers
    assert.equal(peer?.psk, '')
    const text = setRequest({ peers: [{ type: 'remove', public_key: peer?.public_key ?? '' }] })
    assert.equal(text, `set=1\npublic_key=${zeros}\nremove=true\n\n`)
  })

  it('says in words what WireGuard refused', () => {
    assert.throws(() => checkAnswer('errno=-98\n\n'), {
      name: 'UapiError',
      message: 'address already in use',
      errno: 98,
    })
  })

  it('knows half an answer', () => {
    assert.throws(() => checkAnswer('listen_port=51820\n'), { message: 'answer was cut off' })
  })
})
