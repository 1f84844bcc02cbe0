import { type Static, Type } from 'typebox'
import { Timestamp } from '../schemas/scalars.ts'

/** Our extension: how the last upgrade of plexd on a node went, or goes. */
export const UpgradeStatus = Type.Object({
  version: Type.String({ description: 'The version that it was to run' }),
  from: Type.String({ description: 'The version that ran before' }),
  status: Type.Enum(['on_trial', 'confirmed', 'rolled_back']),
  reason: Type.String({
    description: 'Why it was rolled back, or what is still lacking; otherwise empty',
  }),
  at: Timestamp,
})
export type UpgradeStatus = Static<typeof UpgradeStatus>
