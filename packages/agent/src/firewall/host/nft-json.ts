import { type Static, Type } from 'typebox'
import { Check, Parse } from 'typebox/value'

/** What we read of `nft -j list table`; the rest of it is ignored. */
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
  /** Of a chain that the kernel calls. */
  hook: string | undefined
  /** What becomes of a packet that no rule of it decided about. */
  policy: string | undefined
  rules: (readonly Expression[])[]
}

/** All chains in a listing, in the order in which nft lists them. */
export function parseRuleset(json: string): Chain[] {
  const listing: unknown = JSON.parse(json)
  const { nftables } = Parse(Type.Object({ nftables: Type.Array(Type.Unknown()) }), listing)
  const chains = new Map<string, Chain>()
  for (const object of nftables) {
    if (Check(ListedChain, object)) addChain(chains, object.chain)
    // nft lists the rules behind their chains.
    if (Check(ListedRule, object)) {
      const { family, table, chain, expr } = object.rule
      chains.get(keyOf(family, table, chain))?.rules.push(expr)
    }
  }
  return [...chains.values()]
}

function addChain(
  chains: Map<string, Chain>,
  { family, table, name, hook, policy }: Static<typeof ListedChain>['chain'],
): void {
  chains.set(keyOf(family, table, name), { family, table, name, hook, policy, rules: [] })
}

function keyOf(...names: string[]): string {
  return names.join(' ')
}
