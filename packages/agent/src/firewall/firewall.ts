import type { RuleCounter } from './nft/counters.ts'
import type { ObservedFirewall } from './nft/listing.ts'
import type { Ruleset } from './rules/ruleset.ts'

/** Our part of the machine's packet filter: one table, which nobody else writes. */
export interface Firewall {
  /** Reads the table, unless the packet filter has not changed at all since that was done. */
  observe(): Promise<ObservedFirewall>
  /** The table as `apply` left it, without reading it; undefined if unknown. */
  asLeft(): Promise<ObservedFirewall | undefined>
  /**
   * Replaces the ruleset atomically, so that every packet is judged by either the old rules or the new. Resolves when it is
   * in force; if it rejects, either the old ruleset is still in force, or the next `observe` finds the table changed. Must
   * not be called concurrently.
   */
  apply(ruleset: Ruleset, observed: ObservedFirewall): Promise<void>
  /** Deletes the table, if it exists. */
  remove(): Promise<void>
  /** By the rule's name, or by one of `ownNames`. Packets and bytes since the ruleset was applied. */
  counters(): Promise<Map<string, RuleCounter>>
  /** Why rulesets cannot be applied here, and the remedy; undefined if they can. */
  check(): Promise<string | undefined>
}
