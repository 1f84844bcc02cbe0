import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseDump } from './wg-dump.ts'

const key = (letter: string): string => `${letter.repeat(43)}=`

describe('parseDump', () => {
  it('reads the interface and its peers', () => {
    const text = [
      [key('A'), key('B'), '51820', '0xe4'],
      [
        key('C'),
        key('D'),
        '203.0.113.7:51820',
        '10.100.1.2/32,10.7.0.0/24',
        '1736937000',
        '148',
        '92',
        '25',
      ],
    ]

    assert.deepEqual(parseDump(`${text.map((row) => row.join('\t')).join('\n')}\n`), {
      private_key: key('A'),
      listen_port: 51820,
      fwmark: 0xe4,
      peers: [
        {
          public_key: key('C'),
          psk: key('D'),
          endpoint: '203.0.113.7:51820',
          allowed_ips: ['10.100.1.2/32', '10.7.0.0/24'],
          keepalive_seconds: 25,
          handshake_at: 1736937000,
          rx_bytes: 148,
          tx_bytes: 92,
        },
      ],
    })
  })

  it('reads what is not set as empty', () => {
    const text = `(none)\t(none)\t39102\toff\n${key('C')}\t(none)\t(none)\t(none)\t0\t0\t0\toff\n`

    const { private_key, peers } = parseDump(text)

    assert.equal(private_key, '')
    assert.deepEqual(peers, [
      {
        public_key: key('C'),
        psk: '',
        endpoint: '',
        allowed_ips: [],
        keepalive_seconds: 0,
        handshake_at: 0,
        rx_bytes: 0,
        tx_bytes: 0,
      },
    ])
  })

  it('refuses another format without showing it', () => {
    assert.throws(() => parseDump(`${key('A')}\n`), {
      message: 'parse dump: a line has 1 columns, want 4',
    })
  })
})
