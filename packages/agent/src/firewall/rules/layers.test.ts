import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { layerRules } from './layers.ts'
import type { Range, RuleMatch } from './rule-match.ts'

describe('layerRules', () => {
  it('puts rules about different peers into one layer', () => {
    const web = aMatch({ name: 'web', src: one(1) })
    const db = aMatch({ name: 'db', src: one(2) })
    assert.deepEqual(namesOf(layerRules([web, db])), [['web', 'db']])
  })

  it('puts a rule behind the exception from it', () => {
    const exception = aMatch({ name: 'not 9', src: one(9), action: 'deny' })
    const rule = aMatch({ name: 'all', src: { first: 8, last: 15 } })
    assert.deepEqual(namesOf(layerRules([exception, rule])), [['not 9'], ['all']])
  })

  it('leaves out a rule that an earlier one hides', () => {
    const all = aMatch({ name: 'all', src: { first: 8, last: 15 } })
    const hidden = aMatch({ name: 'hidden', src: one(9), action: 'deny' })
    assert.deepEqual(namesOf(layerRules([all, hidden])), [['all']])
  })

  it('keeps to two layers when rules that agree cross each other', () => {
    const crossing = [1, 2, 3, 4].flatMap((peer) => [
      aMatch({ name: `from ${peer}`, src: one(peer), dst: { first: 0, last: 15 } }),
      aMatch({ name: `to ${peer}`, src: { first: 0, last: 15 }, dst: one(peer) }),
    ])
    assert.equal(layerRules(crossing).length, 2)
  })

  it('decides every flow as the first rule for it does', () => {
    fc.assert(
      fc.property(fc.array(anyMatch, { maxLength: 24 }), fc.array(anyFlow), (matches, flows) => {
        const layered = layerRules(matches)
        for (const flow of flows)
          assert.equal(
            layered.flat().find(matchesFlow(flow))?.action,
            matches.find(matchesFlow(flow))?.action,
          )
      }),
      { numRuns: 2_000 },
    )
  })

  it('never puts two rules for the same flow into a layer', () => {
    fc.assert(
      fc.property(fc.array(anyMatch, { maxLength: 24 }), anyFlow, (matches, flow) => {
        for (const layer of layerRules(matches))
          assert.ok(layer.filter(matchesFlow(flow)).length <= 1)
      }),
      { numRuns: 2_000 },
    )
  })
})

interface Flow {
  src: number
  dst: number
  protocol: number
  port: number
}

/** A world so small that rules meet: 16 addresses, 3 protocols, 4 ports. */
const anyPrefix = fc.tuple(fc.nat(15), fc.nat(4)).map(([address, bits]): Range => {
  const first = address - (address % 2 ** bits)
  return { first, last: first + 2 ** bits - 1 }
})
const anyMatch = fc.record<RuleMatch>({
  src: anyPrefix,
  dst: anyPrefix,
  protocols: fc.constantFrom({ first: 0, last: 2 }, one(0), one(1), one(2)),
  ports: fc.constantFrom({ first: 0, last: 3 }, one(0), one(1), one(2), one(3)),
  action: fc.constantFrom('allow', 'deny'),
  name: fc.constant(''),
})
const anyFlow = fc.record<Flow>({
  src: fc.nat(15),
  dst: fc.nat(15),
  protocol: fc.nat(2),
  port: fc.nat(3),
})

function matchesFlow({ src, dst, protocol, port }: Flow) {
  const holds = ({ first, last }: Range, value: number): boolean => first <= value && value <= last
  return (match: RuleMatch): boolean =>
    holds(match.src, src) &&
    holds(match.dst, dst) &&
    holds(match.protocols, protocol) &&
    holds(match.ports, port)
}

function namesOf(layers: RuleMatch[][]): string[][] {
  return layers.map((layer) => layer.map(({ name }) => name))
}

function aMatch(match: Partial<RuleMatch>): RuleMatch {
  const all = { src: one(0), dst: one(0), protocols: one(0), ports: one(0) }
  return { ...all, action: 'allow', name: '', ...match }
}

function one(value: number): Range {
  return { first: value, last: value }
}
