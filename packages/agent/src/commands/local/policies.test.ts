import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PolicyStatus } from '@plexd/protocol'
import { formatPolicies } from './policies.ts'

const none = { packets: 0, bytes: 0 }
const status: PolicyStatus = {
  filtering: true,
  reason: '',
  default_action: 'deny',
  rules: [
    {
      policy_id: 'pol_web',
      policy_name: 'web',
      src: '*',
      src_hostname: '',
      dst: '10.100.1.2/32',
      dst_hostname: 'web-01',
      protocol: 'tcp',
      port: 443,
      action: 'allow',
      skipped: '',
      packets: 12,
      bytes: 720,
    },
    {
      policy_id: 'pol_web',
      policy_name: '',
      src: 'n_gone',
      src_hostname: '',
      dst: '*',
      dst_hostname: '',
      protocol: '',
      port: 0,
      action: 'allow',
      skipped: 'source "n_gone" is not known',
      ...none,
    },
  ],
  default: { packets: 3, bytes: 252 },
  denied: { packets: 5, bytes: 420 },
}

describe('plexd policies', () => {
  it('shows the rules in their order, and what was decided without one', () => {
    assert.deepEqual(
      formatPolicies(status)
        .split('\n')
        .map((line) => line.trim().split(/ {2,}/)),
      [
        ['POLICY', 'FROM', 'TO', 'PROTOCOL', 'PORT', 'ACTION', 'PACKETS', 'NOTE'],
        ['web', '*', 'web-01 (10.100.1.2/32)', 'tcp', '443', 'allow', '12'],
        [
          'pol_web',
          'n_gone',
          '*',
          'any',
          'any',
          'allow',
          '0',
          'skipped: source "n_gone" is not known',
        ],
        ['(default)', '*', '*', 'any', 'any', 'deny', '3'],
        ['denied in all: 5 packets'],
        [''],
      ],
    )
  })

  it('says that nothing is filtered, and why', () => {
    assert.equal(
      formatPolicies({ ...status, filtering: false, reason: 'the mesh is off' }),
      'packets on the mesh are not filtered: the mesh is off\n',
    )
  })

  it('says why the newest rules are not in force', () => {
    assert.match(formatPolicies({ ...status, reason: 'nft is missing' }), /not in force: nft is/)
  })
})
