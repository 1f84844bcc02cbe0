import type { RuleCounter } from './nft/counters.ts'
import type { Ruleset } from './rules/ruleset.ts'

/** The packet filter of the machine, as far as it is ours: one table, which nobody else writes. */
export interface Firewall {
  /** Looks at the table. */
  observe(): Promise<ObservedFirewall>
  /** The table as `apply` left it, without looking; undefined when that is not known. */
  asLeft(): Promise<ObservedFirewall | undefined>
  /**
   * Puts the ruleset in force at one moment, so that every packet meets the old rules or the new. Resolves when it is
   * in force; when it rejects, either what was in force still is, or the next `observe` finds the table changed. Not to
   * be called twice at once.
   */
  apply(ruleset: Ruleset, observed: ObservedFirewall): Promise<void>
  /** Deletes the table, if there is one. */
  remove(): Promise<void>
  /** By the rule's name, or by one of `ownNames`. Packets and bytes since the ruleset was put in force. */
  counters(): Promise<Map<string, RuleCounter>>
  /** Why rulesets cannot be put in force here, and what to do about it; undefined when they can. */
  check(): Promise<string | undefined>
}

export interface ObservedFirewall {
  /** `intact`: as it was written; `changed`: by another program, or half-written by us. */
  state: 'missing' | 'changed' | 'intact'
  /** The ruleset in force, if `intact`. */
  digest?: string
  /** Names with higher numbers are free. */
  generation: number
  /** All that is in the table, also what is not ours. */
  objects: readonly { kind: string; name: string }[]
}
