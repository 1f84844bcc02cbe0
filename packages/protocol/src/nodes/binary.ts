import { type Static, Type } from 'typebox'
import { Count, Timestamp } from '../schemas/scalars.ts'

/** `verified`: a good build of its version. `mismatch`: there are good builds of that version for its platform, and it is none of them. `unknown`: there is none. */
export const BinaryState = Type.Enum(['verified', 'mismatch', 'unknown'])
export type BinaryState = Static<typeof BinaryState>

/** What a node says that it runs, compared with the builds that the control plane knows to be good. */
export const NodeBinary = Type.Object({
  version: Type.String(),
  checksum: Type.String({ description: '`sha256:` and hex' }),
  state: BinaryState,
  since: Timestamp,
})
export type NodeBinary = Static<typeof NodeBinary>

/** The nodes that run a version. */
export const VersionCount = Type.Object({
  version: Type.String({ description: 'Empty for nodes that do not say' }),
  behind: Type.Boolean({ description: 'Whether it is older than `newest`' }),
  version_trouble: Type.Optional(
    Type.String({
      description: 'Why this control plane does not serve it, and what to do; absent if it does',
    }),
  ),
  nodes: Count,
  online: Count,
  verified: Count,
  mismatch: Count,
  unknown: Count,
  on_trial: Type.Integer({ description: 'How many try it, and go back if they do not get well' }),
  rolled_back: Type.Integer({ description: 'How many came back to it from another one' }),
})
export type VersionCount = Static<typeof VersionCount>

/** What the nodes of a fleet run, newest version first. */
export const FleetVersions = Type.Object({
  newest: Type.String({
    description: 'Of the uploaded builds, or if there is none, of what nodes run; empty for none',
  }),
  items: Type.Array(VersionCount),
})
export type FleetVersions = Static<typeof FleetVersions>
