import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeRules } from './policy-status.ts'

const web = { src: '*', dst: '10.100.1.2/32', port: 443, protocol: 'tcp', action: 'allow' } as const

describe('describeRules', () => {
  it('shows each rule with the packets that it decided, and why one is not in force', () => {
    const { rules, denied } = describeRules({
      policies: [{ id: 'pol_web', rules: [web, { ...web, src: 'n_gone' }] }],
      meshIpOf: () => undefined,
      counters: new Map([
        ['pol_web#0', { packets: 3, bytes: 180 }],
        ['denied', { packets: 1, bytes: 84 }],
      ]),
    })

    assert.deepEqual(rules, [
      { ...web, policy_id: 'pol_web', skipped: '', packets: 3, bytes: 180 },
      {
        ...web,
        src: 'n_gone',
        policy_id: 'pol_web',
        skipped: 'source "n_gone" is neither an address nor a node known here',
        packets: 0,
        bytes: 0,
      },
    ])
    assert.deepEqual(denied, { packets: 1, bytes: 84 })
  })
})
