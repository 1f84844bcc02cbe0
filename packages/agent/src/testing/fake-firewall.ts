import type { Firewall } from '../firewall/firewall.ts'
import type { ObservedFirewall } from '../firewall/nft/listing.ts'
import type { Ruleset } from '../firewall/rules/ruleset.ts'

/** A firewall that filters nothing: it remembers what it was told. */
export interface FakeFirewall extends Firewall {
  /** What was put in force, oldest first. */
  applied: Ruleset[]
  /** As another program would. */
  flush(): void
  /** Lets the next calls of `apply` fail, until told otherwise. */
  fail(error: Error | undefined): void
}

export function createFakeFirewall(): FakeFirewall {
  const applied: Ruleset[] = []
  let observed: ObservedFirewall = { state: 'missing', generation: 0, objects: [] }
  let failure: Error | undefined
  return {
    applied,
    observe: async () => observed,
    asLeft: async () => (observed.state === 'intact' ? observed : undefined),
    async apply(ruleset, { generation }) {
      if (failure) throw failure
      applied.push(ruleset)
      const { digest } = ruleset
      observed = { state: 'intact', digest, generation: generation + 1, objects: [] }
    },
    async remove() {
      observed = { state: 'missing', generation: 0, objects: [] }
    },
    counters: async () => new Map(),
    check: async () => undefined,
    flush() {
      observed = { state: 'changed', generation: observed.generation, objects: [] }
    },
    fail(error) {
      failure = error
    },
  }
}
