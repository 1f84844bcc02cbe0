import assert from 'node:assert/strict'
import { it } from 'node:test'
import { defaultRoutes } from './default-routes.ts'

it('reads the default routes of the main table, the preferred one first', () => {
  const table = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t00000000\t010011AC\t0003\t0\t0\t0\t00000080\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
`
  assert.deepEqual(defaultRoutes(table), [
    { dev: 'eth0', gateway: '0101A8C0', metric: '100' },
    { dev: 'wlan0', gateway: '0102A8C0', metric: '600' },
  ])
  assert.deepEqual(defaultRoutes(''), [])
})
