import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concernsMesh } from './network-monitor.ts'

const mesh = { interfaceName: 'plexd0', meshRanges: () => ['10.200.0.0/16', '10.100.0.0/16'] }

describe('concernsMesh', () => {
  for (const line of [
    '10.100.0.0/16 dev plexd0 table 8293 scope link ',
    'Deleted unreachable 10.100.0.0/16 table 8293 metric 1000 ',
    'Deleted 40:\tnot from all fwmark 0xe4/0xffff lookup 8293 ',
    '5:\tfrom all to 10.0.0.0/8 lookup 77 ',
    '10.100.7.0/24 dev br0 proto kernel scope link src 10.100.7.1 ',
    'local 10.100.7.1 dev br0 table local proto kernel scope host src 10.100.7.1 ',
    'Deleted 10.0.0.0/8 via 192.168.1.1 dev eth0 ',
    '10.100.9.9 via 192.168.1.1 dev eth0 ',
    '7: plexd0: <POINTOPOINT,NOARP> mtu 1420 qdisc noop state DOWN group default \\    link/none ',
  ])
    it(`takes notice of ${line.trim().slice(0, 50)}`, () => {
      assert.equal(concernsMesh(line, mesh), true)
    })

  for (const line of [
    'default via 192.168.1.1 dev eth0 proto dhcp metric 100 ',
    '172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 ',
    '9: veth82931@if8: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN ',
    '2: eth0    inet 10.101.0.7/24 brd 10.101.0.255 scope global eth0 ',
  ])
    it(`lets ${line.trim().slice(0, 50)} pass`, () => {
      assert.equal(concernsMesh(line, mesh), false)
    })

  it('lets routes pass while nobody knows the range', () => {
    const meshRanges = () => assert.fail('the node is not registered yet')
    assert.equal(concernsMesh('10.100.7.0/24 dev br0 ', { ...mesh, meshRanges }), false)
  })
})
