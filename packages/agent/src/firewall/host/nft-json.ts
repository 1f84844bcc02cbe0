import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { parseNftJson } from '../nft/listing.ts'

const ListedChain = Type.Object({
  chain: Type.Object({
    family: Type.String(),
    table: Type.String(),
    name: Type.String(),
    hook: Type.Optional(Type.String()),
    policy: Type.Optional(Type.String()),
  }),
})
const ListedRule = Type.Object({
  rule: Type.Object({
    family: Type.String(),
    table: Type.String(),
    chain: Type.String(),
    expr: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  }),
})

export type Expression = Readonly<Record<string, unknown>>

export interface Chain {
  family: string
  table: string
  name: string
  /** Of a base chain. */
  hook: string | undefined
  /** The verdict for a packet on which no rule decides. */
  policy: string | undefined
  rules: (readonly Expression[])[]
}

/** All chains of `nft -j list table`, in its order. */
export function parseRuleset(json: string): Chain[] {
  const chains = new Map<string, Chain>()
  for (const object of parseNftJson(json)) {
    if (Check(ListedChain, object)) {
      const { family, table, name, hook, policy } = object.chain
      chains.set(keyOf(family, table, name), { family, table, name, hook, policy, rules: [] })
    }
    // nft lists the rules behind their chains.
    if (Check(ListedRule, object)) {
      const { family, table, chain, expr } = object.rule
      chains.get(keyOf(family, table, chain))?.rules.push(expr)
    }
  }
  return [...chains.values()]
}

function keyOf(...names: string[]): string {
  return names.join(' ')
}
