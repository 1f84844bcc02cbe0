import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeRules, nameSides } from './policy-status.ts'

const web = { src: '*', dst: '10.100.1.2/32', port: 443, protocol: 'tcp', action: 'allow' } as const

const names = {
  policy_id: 'pol_web',
  policy_name: 'web',
  src_hostname: '',
  dst_hostname: 'web-01',
}

describe('describeRules', () => {
  it('shows each rule with the packets that it decided, and why one is not in force', () => {
    const { rules, denied } = describeRules({
      policies: [{ id: 'pol_web', name: 'web', rules: [web, { ...web, src: 'n_gone' }] }],
      meshIpOf: () => undefined,
      hostnameOf: nameSides([{ id: 'n_web', mesh_ip: '10.100.1.2', hostname: 'web-01' }]),
      counters: new Map([
        ['pol_web#0', { packets: 3, bytes: 180 }],
        ['denied', { packets: 1, bytes: 84 }],
      ]),
    })

    assert.deepEqual(rules, [
      { ...web, ...names, skipped: '', packets: 3, bytes: 180 },
      {
        ...web,
        ...names,
        src: 'n_gone',
        skipped: 'source "n_gone" is neither an address nor a node known here',
        packets: 0,
        bytes: 0,
      },
    ])
    assert.deepEqual(denied, { packets: 1, bytes: 84 })
  })
})

describe('nameSides', () => {
  it('knows a node by its id and its address, and no range of more', () => {
    const nameOf = nameSides([
      { id: 'n_web', mesh_ip: '10.100.1.2', hostname: 'web-01' },
      { id: 'n_go', mesh_ip: '10.100.1.3' },
    ])
    assert.deepEqual(
      ['n_web', '10.100.1.2', '10.100.1.2/32', '10.100.1.0/24', '*', 'n_go'].map(nameOf),
      ['web-01', 'web-01', 'web-01', '', '', ''],
    )
  })
})
