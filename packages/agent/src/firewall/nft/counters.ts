import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { parseNftJson } from './listing.ts'

const Counter = Type.Object({ packets: Type.Number(), bytes: Type.Number() })

export type RuleCounter = Static<typeof Counter>

const ListedRule = Type.Object({
  rule: Type.Object({ comment: Type.String(), expr: Type.Array(Type.Unknown()) }),
})
const CounterStatement = Type.Object({ counter: Counter })
const ListedMap = Type.Object({ map: Type.Object({ elem: Type.Array(Type.Unknown()) }) })
const CountedElement = Type.Object({
  elem: Type.Object({ comment: Type.String(), counter: Counter }),
})

/** The counters of `nft -j list table`, added up by comment, because a rule may be in several places. */
export function parseCounters(json: string): Map<string, RuleCounter> {
  const sums = new Map<string, RuleCounter>()
  for (const [name, { packets, bytes }] of parseNftJson(json).flatMap(namedCounters)) {
    const sum = sums.getOrInsert(name, { packets: 0, bytes: 0 })
    sum.packets += packets
    sum.bytes += bytes
  }
  return sums
}

function namedCounters(object: unknown): [string, RuleCounter][] {
  if (Check(ListedRule, object)) {
    const { comment, expr } = object.rule
    const statement = expr.find((part) => Check(CounterStatement, part))
    return statement === undefined ? [] : [[comment, statement.counter]]
  }
  if (!Check(ListedMap, object)) return []
  // An element is a pair: its key, with comment and counter, and its verdict.
  const keys = object.map.elem.map((pair) => (Array.isArray(pair) ? (pair[0] as unknown) : pair))
  return keys
    .filter((key) => Check(CountedElement, key))
    .map(({ elem }) => [elem.comment, elem.counter])
}
