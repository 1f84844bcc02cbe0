import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeRoutes, parseRouteAnswers, routeQuery } from './route-check.ts'

const asked = {
  peers: [
    { id: 'n_db', mesh_ip: '10.100.0.2', endpoint: '10.100.7.2:51820' },
    { id: 'n_web', mesh_ip: '10.100.0.3', endpoint: '[2001:db8::3]:51820' },
    { id: 'n_lost', mesh_ip: '10.100.0.4', endpoint: '' },
  ],
  interfaceName: 'plexd0',
  controlAddresses: ['203.0.113.1'],
}

describe('routeQuery', () => {
  it("queries the route of each mesh address and endpoint and of the control plane, those of WireGuard's packets with its mark", () => {
    assert.equal(
      routeQuery(asked),
      `route get 10.100.0.2
route get 10.100.0.3
route get 10.100.0.4
route get 203.0.113.1
route get 10.100.7.2 mark 228
route get 2001:db8::3 mark 228
`,
    )
  })
})

describe('judgeRoutes', () => {
  it('finds nothing wrong with correct routes', () => {
    const answers = answered(
      ['10.100.0.2', 'plexd0'],
      ['10.100.0.3', 'plexd0'],
      ['10.100.0.4', 'plexd0'],
      ['203.0.113.1', 'eth0'],
      ['10.100.7.2', 'eth0', 228],
    )

    assert.deepEqual(judgeRoutes(asked, answers), { peers: new Map(), others: [] })
  })

  it('names each wrong route, and where it leads instead', () => {
    const answers = answered(
      ['10.100.0.2', 'tun9'],
      ['10.100.0.3', 'plexd0'],
      ['203.0.113.1', 'plexd0'],
      ['10.100.7.2', 'plexd0', 228],
    )

    assert.deepEqual(judgeRoutes(asked, answers), {
      peers: new Map([
        [
          'n_db',
          'packets for peer n_db, 10.100.0.2, leave by tun9 instead of plexd0: look at "ip rule" and "ip route get 10.100.0.2"',
        ],
        [
          'n_lost',
          'packets for peer n_lost, 10.100.0.4, have no route instead of plexd0: look at "ip rule" and "ip route get 10.100.0.4"',
        ],
      ]),
      others: [
        'packets for the control plane, 203.0.113.1, go into plexd0: look at "ip rule"',
        'what WireGuard sends to peer n_db at 10.100.7.2 goes into plexd0 itself: look at "ip rule"',
      ],
    })
  })
})

function answered(...answers: [dst: string, dev: string, mark?: number][]) {
  const lines = answers.map(([dst, dev, mark]) => JSON.stringify([{ dst, dev, mark, flags: [] }]))
  return parseRouteAnswers(`${lines.join('\n')}\n`)
}
