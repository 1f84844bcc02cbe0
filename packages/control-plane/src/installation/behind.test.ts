import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Heeded } from '@plexd/protocol'
import { aNode } from '../testing/node-record.ts'
import { behindOf } from './behind.ts'

const heeded: Heeded = {
  url: 'https://cp',
  announcement: 1,
  authorities: ['sha256:old'],
  problem: '',
}

const ours = { sequence: 1, nowMs: 10 }

describe('behindOf', () => {
  const cases: [string, Parameters<typeof aNode>[1], Heeded | undefined, string | undefined][] = [
    ['a node that trusts it', {}, { ...heeded, authorities: ['sha256:new'] }, undefined],
    ['one that has said nothing', {}, undefined, 'it has not said so yet'],
    ['one that has said something older', {}, heeded, 'it has not said so yet'],
    [
      'one that cannot',
      {},
      { ...heeded, problem: 'its file is read-only' },
      'its file is read-only',
    ],
    ['one that is away', { status: 'offline' }, heeded, 'it is offline'],
    [
      'the Go agent',
      { is_go: true },
      undefined,
      'it runs the Go agent, which cannot be told: give it the new ca.crt',
    ],
  ]
  for (const [what, node, said, reason] of cases)
    it(`knows ${what}`, () => {
      const behind = behindOf([aNode(1, node)], { fingerprint: 'sha256:new', ...ours }, () => said)
      assert.equal(behind[0]?.reason, reason)
    })
})
