import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CompiledRule } from '@plexd/protocol'
import { matchRules, ruleName } from './rule-match.ts'

describe('matchRules', () => {
  it('turns a rule into the ranges that it is about', () => {
    const rule = aRule({ src: '10.100.1.0/24', dst: '10.100.2.3', port: 443, protocol: 'tcp' })
    assert.deepEqual(matchesOf(rule), [
      {
        src: { first: 0x0a640100, last: 0x0a6401ff },
        dst: { first: 0x0a640203, last: 0x0a640203 },
        protocols: { first: 6, last: 6 },
        ports: { first: 443, last: 443 },
        action: 'allow',
        name: 'pol_web#0',
      },
    ])
  })

  it('takes a port without a protocol for TCP and UDP', () => {
    const protocols = matchesOf(aRule({ port: 53 })).map((match) => match.protocols.first)
    assert.deepEqual(protocols, [6, 17])
  })

  it('takes no port and no protocol for all that IP carries', () => {
    const [match] = matchesOf(aRule({}))
    assert.deepEqual(match?.protocols, { first: 0, last: 255 })
    assert.deepEqual(match?.ports, { first: 0, last: 65_535 })
  })

  it('takes "*" for any address', () => {
    assert.deepEqual(matchesOf(aRule({ src: '*' }))[0]?.src, { first: 0, last: 0xffffffff })
  })

  it('finds the address of a node that it knows', () => {
    const [match] = matchesOf(aRule({ dst: 'n_db' }))
    assert.deepEqual(match?.dst, { first: 0x0a640109, last: 0x0a640109 })
  })

  for (const [rule, problem] of [
    [{ src: 'n_gone' }, 'source "n_gone" is neither an address nor a node known here'],
    [{ dst: '' }, 'destination "" is neither an address nor a node known here'],
    [{ src: 'fd00::/8' }, 'source "fd00::/8": the mesh carries IPv4 only'],
    [{ src: '10.100.1.300' }, 'parse IPv4 address "10.100.1.300": want four numbers from 0 to 255'],
    [
      { dst: '10.100.1.9/16' },
      'parse CIDR "10.100.1.9/16": the address has bits set behind the prefix length',
    ],
    [{ protocol: 'icmp', port: 7 }, 'icmp has no port 7'],
  ] as const)
    it(`skips ${JSON.stringify(rule)} and says why, but not the rule behind it`, () => {
      const policy = { id: 'pol_web', rules: [aRule(rule), aRule({ dst: 'n_db' })] }
      const { matches, problems } = matchRules([policy], meshIpOf)
      assert.deepEqual(problems, [`policy "pol_web" rule 0 is skipped: ${problem}`])
      assert.deepEqual(
        matches.map(({ name }) => name),
        ['pol_web#1'],
      )
    })
})

describe('ruleName', () => {
  it('leaves nothing in a name that could end the text for nft', () => {
    assert.equal(ruleName('pol_a"; flush ruleset\n', 7), 'pol_a%22%3B%20flush%20ruleset%0A#7')
  })

  it('keeps within the 128 bytes of an nft comment', () => {
    assert.ok(ruleName('ü'.repeat(500), 9_999).length <= 128)
  })
})

function matchesOf(rule: CompiledRule) {
  const { matches, problems } = matchRules([{ id: 'pol_web', rules: [rule] }], meshIpOf)
  assert.deepEqual(problems, [])
  return matches
}

function meshIpOf(nodeId: string): string | undefined {
  return nodeId === 'n_db' ? '10.100.1.9' : undefined
}

function aRule(rule: Partial<CompiledRule>): CompiledRule {
  return {
    src: '10.100.0.0/16',
    dst: '10.100.0.0/16',
    port: 0,
    protocol: '',
    action: 'allow',
    ...rule,
  }
}
