import { type Static, Type } from 'typebox'
import { CompiledRule, RuleAction } from '../policies/policy.ts'
import { WholeNumber } from '../schemas/scalars.ts'

const Traffic = { packets: WholeNumber, bytes: WholeNumber }

/** A rule as this node enforces it, with the packets it has decided since it took effect. */
export const RuleStatus = Type.Interface([CompiledRule], {
  policy_id: Type.String(),
  /** Empty if the control plane does not send it. */
  policy_name: Type.String(),
  /** The name of the node that this side is, by id or address; empty for any other side. */
  src_hostname: Type.String(),
  dst_hostname: Type.String(),
  /** Why it is not in force; empty if it is. */
  skipped: Type.String(),
  ...Traffic,
})
export type RuleStatus = Static<typeof RuleStatus>

/** The current packet filter, for `plexd policies`. */
export const PolicyStatus = Type.Object({
  filtering: Type.Boolean(),
  /** Why packets are not filtered, or why the newest rules are not in force; otherwise empty. */
  reason: Type.String(),
  /** For flows that no rule matches. */
  default_action: RuleAction,
  /** The first match decides. */
  rules: Type.Array(RuleStatus),
  /** Packets that no rule matched, and packets denied for any reason. */
  default: Type.Object(Traffic),
  denied: Type.Object(Traffic),
})
export type PolicyStatus = Static<typeof PolicyStatus>
