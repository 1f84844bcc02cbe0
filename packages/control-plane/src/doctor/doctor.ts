import { type Check, examine, type NamedFinding } from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import { announcementCheck } from './announcement-check.ts'
import { artifactStoreCheck } from './artifact-store-check.ts'
import { backupCheck } from './backup-check.ts'
import { certificateCheck } from './certificate-check.ts'
import { databaseChecks } from './database-checks.ts'
import { folderChecks } from './folder-checks.ts'
import { forwardChecks } from './forward-checks.ts'
import { machineChecks } from './machine-checks.ts'
import { type Place, placeOf } from './place.ts'
import { serviceChecks } from './service-checks.ts'
import { versionCheck } from './version-check.ts'

const checks: readonly Check<Place>[] = [
  ...serviceChecks,
  ...folderChecks,
  ...databaseChecks,
  artifactStoreCheck,
  versionCheck,
  certificateCheck,
  announcementCheck,
  backupCheck,
  ...forwardChecks,
  ...machineChecks,
]

/** Every check of a control plane with these settings, running or not. */
export function examineControlPlane(config: Config, nowMs: number): Promise<NamedFinding[]> {
  return examine(checks, placeOf(config, nowMs))
}
