import { type Static, Type } from 'typebox'
import { mapOf, Timestamp, WholeNumber } from '../schemas/scalars.ts'
import { wantKeyword } from '../schemas/schema-fault.ts'

export const RuleAction = Type.Enum(['allow', 'deny'])

/** A rule as one node enforces it: mesh CIDRs. Port 0 is any port; protocol `""` is any protocol. */
export const CompiledRule = Type.Object({
  src: Type.String(),
  dst: Type.String(),
  port: Type.Integer({ minimum: 0, maximum: 65_535 }),
  protocol: Type.Enum(['', 'tcp', 'udp', 'icmp']),
  action: RuleAction,
})
export type CompiledRule = Static<typeof CompiledRule>

export const CompiledPolicy = Type.Object({
  id: Type.String(),
  name: Type.Optional(Type.String({ description: 'Our extension: what operators call it' })),
  rules: Type.Array(CompiledRule),
})
export type CompiledPolicy = Static<typeof CompiledPolicy>

/** One side of a rule: a label selector (`env=prod,role in (web,api)`), a node id, `node:HOSTNAME`, a mesh CIDR, or `*`. */
const Side = Type.String({ minLength: 1, maxLength: 1_024 })

/** A rule as an operator writes it. */
export const PolicyRule = Type.Object(
  {
    from: Side,
    to: Side,
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    protocol: Type.Optional(Type.Enum(['tcp', 'udp', 'icmp', 'any'])),
    action: RuleAction,
  },
  // Strict: ignoring a misspelt field could widen a rule.
  { additionalProperties: false },
)
export type PolicyRule = Static<typeof PolicyRule>

const PolicyName = Type.String({
  pattern: '^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$',
  [wantKeyword]:
    'up to 63 lower-case letters, digits, ".", "_" or "-", with a letter or digit at both ends',
  examples: ['web-to-db'],
})

export const PolicySpec = Type.Object(
  { name: PolicyName, rules: Type.Array(PolicyRule, { maxItems: 10_000 }) },
  { additionalProperties: false },
)
export type PolicySpec = Static<typeof PolicySpec>

export const Policy = Type.Object({
  id: Type.String(),
  name: PolicyName,
  revision: WholeNumber,
  rules: Type.Array(PolicyRule),
  node_hostnames: mapOf(Type.String(), {
    description: 'What the nodes are called that the rules name by id',
  }),
  updated_at: Timestamp,
})
export type Policy = Static<typeof Policy>

/** How many pairs of nodes a change connects, and how many it disconnects. A pair is connected if it can exchange any packets. */
export const PairChange = Type.Object({ gained: Type.Integer(), lost: Type.Integer() })
export type PairChange = Static<typeof PairChange>

/** The consequences of a policy change. */
export const PolicyOutcome = Type.Object({
  warnings: Type.Array(Type.String(), { description: 'What in the policy does nothing now' }),
  pairs: Type.Optional(
    Type.Union([PairChange, Type.Null()], {
      description: 'With dry_run alone; null when the mesh is too large to count them',
    }),
  ),
})
export type PolicyOutcome = Static<typeof PolicyOutcome>
