import { type Static, Type } from 'typebox'
import { Timestamp } from '../schemas/scalars.ts'

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
