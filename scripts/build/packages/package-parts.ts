import type { ProgramName } from '../../programs/build.ts'
import type { Architecture } from '../architecture.ts'

/** What a package is made of. */
export interface PackageParts {
  version: string
  arch: Architecture
  /** The single files of that architecture. */
  programs: Readonly<Record<ProgramName, string>>
  /** Text: see `licences`. */
  licences: string
  /** Where the package goes. */
  out: string
  /** In seconds since 1970: the time of all files in a package; 0 when SOURCE_DATE_EPOCH is not set. */
  epochSeconds: number
}
