import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { leftovers, type Seen } from './leftovers.ts'

const clean: Seen = {
  links: '1: lo: <LOOPBACK,UP>\n2: eth0@if7: <BROADCAST,UP>\n',
  rules: '0:\tfrom all lookup local\n32766:\tfrom all lookup main\n',
  routes: 'default via 203.0.113.254 dev eth0\n',
  tables: 'table ip docker\n',
  sockets: 'Num RefCount Protocol Flags Type St Inode Path\n',
  programs: [],
  files: [],
}

describe('leftovers', () => {
  it('are none on a host that never had plexd', () => {
    assert.deepEqual(leftovers(clean), [])
  })

  for (const [what, seen] of [
    ['links', { links: '3: plexd0: <POINTOPOINT,UP>' }],
    ['rules', { rules: '10: from all lookup 8293' }],
    ['routes', { routes: 'unreachable 10.100.0.0/16 table 8293' }],
    ['tables', { tables: 'table inet plexd_stun' }],
    ['sockets', { sockets: '0: 2 0 10000 1 1 99 /run/wireguard/plexd0.sock' }],
    ['programs', { programs: ['wireguard-go'] }],
    ['files', { files: ['/run/plexd/api.sock'] }],
  ] as const)
    it(`are told of ${what}`, () => {
      const [line, ...more] = leftovers({ ...clean, ...seen })
      assert.match(line ?? '', new RegExp(`^${what}: .`))
      assert.deepEqual(more, [])
    })
})
