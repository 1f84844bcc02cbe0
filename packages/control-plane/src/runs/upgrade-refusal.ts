import { compareVersions, isVersion } from '@plexd/protocol'
import type { Platform } from '../mesh/platform.ts'
import type { StoredArtifact } from '../rows/artifacts.ts'

/** What is to run. */
export interface UpgradeTarget {
  version: string
  allowDowngrade: boolean
  /** The uploaded builds of that version. */
  builds: readonly StoredArtifact[]
}

/** Why a node cannot, or need not, run another version; undefined if it is to. `running` is empty if it does not say what it runs. Pure. */
export function upgradeRefusal(
  { is_go, running, os, arch }: Platform & { is_go: boolean; running: string },
  { version, allowDowngrade, builds }: UpgradeTarget,
): string | undefined {
  if (is_go) return 'it runs the Go agent, which does not upgrade itself'
  if (running === version) return `it runs plexd ${version} already`
  if (!allowDowngrade && isVersion(running) && compareVersions(version, running) < 0)
    return `it runs plexd ${running}, which is newer: a downgrade has to be allowed`
  const build = builds.find((one) => one.os === os && one.arch === arch)
  if (!build) return `there is no plexd ${version} for ${os}/${arch}`
  if (build.signature === null)
    return `plexd ${version} for ${os}/${arch} has no signature, and nodes take no build without one`
  return undefined
}
