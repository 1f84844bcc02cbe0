import { isVersion } from './version-order.ts'

/** Whether a control plane serves nodes of a version; `unknown` for what is no version of plexd, such as that of a Go agent. */
export type VersionSkew = 'served' | 'too_old' | 'too_new' | 'unknown'

/**
 * By the policy of docs/guides/upgrade.md: a control plane serves its own minor version, the one before it and the one behind it, whatever
 * the patch. The first minor version of a major one is behind the last of the major version before; which that was nobody here
 * knows, so any of them counts. Pure.
 */
export function skewOf(node: string, controlPlane: string): VersionSkew {
  const [theirs, ours] = [minorOf(node), minorOf(controlPlane)]
  if (!theirs || !ours) return 'unknown'
  const isNewer =
    theirs.major > ours.major || (isSameMajor(theirs, ours) && theirs.minor > ours.minor)
  const [older, newer] = isNewer ? [ours, theirs] : [theirs, ours]
  if (isBeside(older, newer)) return 'served'
  return isNewer ? 'too_new' : 'too_old'
}

/** What is wrong with the version of a node, for its operator, with what to do; empty if nothing is, or nobody knows. */
export function versionTrouble(node: string, controlPlane: string): string {
  const skew = skewOf(node, controlPlane)
  if (skew !== 'too_old' && skew !== 'too_new') return ''
  const remedy = skew === 'too_old' ? 'upgrade the node' : 'upgrade the control plane'
  return `plexd ${node} is ${words[skew]} for a control plane ${controlPlane}, which serves ${servedBy(controlPlane)}: ${remedy}`
}

const words = { too_old: 'too old', too_new: 'too new' } as const

interface Minor {
  major: number
  minor: number
}

function minorOf(version: string): Minor | undefined {
  if (!isVersion(version)) return undefined
  const [major = '', minor = ''] = version.replace(/^v/, '').split('.')
  return { major: Number(major), minor: Number(minor) }
}

function isSameMajor(a: Minor, b: Minor): boolean {
  return a.major === b.major
}

function isBeside(older: Minor, newer: Minor): boolean {
  if (isSameMajor(older, newer)) return newer.minor - older.minor <= 1
  return newer.major - older.major === 1 && newer.minor === 0
}

/** As `0.4 to 0.6`. */
function servedBy(controlPlane: string): string {
  const { major, minor } = minorOf(controlPlane) ?? { major: 0, minor: 0 }
  const last = `${major}.${minor + 1}`
  if (minor > 0) return `${major}.${minor - 1} to ${last}`
  return major > 0 ? `the last ${major - 1}.x to ${last}` : `0.0 to ${last}`
}
