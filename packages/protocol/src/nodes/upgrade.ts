import { type Static, Type } from 'typebox'
import { Timestamp } from '../schemas/scalars.ts'

const Status = Type.Enum(['on_trial', 'confirmed', 'rolled_back'])

/** Our extension: how the last upgrade of plexd on a node went, or goes. */
export const UpgradeStatus = Type.Object({
  version: Type.String({ description: 'The version that it was to run' }),
  from: Type.String({ description: 'The version that ran before' }),
  status: Status,
  reason: Type.String({
    description: 'Why it was rolled back, or what is still lacking; otherwise empty',
  }),
  at: Timestamp,
})
export type UpgradeStatus = Static<typeof UpgradeStatus>

/** As a node says it, whose version may know words for it that this one does not. */
export const UpgradeReport = Type.Interface([Type.Omit(UpgradeStatus, ['status'])], {
  status: Type.String({ examples: [...Status.enum] }),
})
export type UpgradeReport = Static<typeof UpgradeReport>

/** Undefined for a report with a word that this version does not know. */
export function knownUpgrade(report: UpgradeReport): UpgradeStatus | undefined {
  const status = Status.enum.find((word) => word === report.status)
  return status && { ...report, status }
}
