/** A semantic version (semver.org, section 2), as `plexd version` prints it. */
const versionPattern =
  /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z.-]+)?$/

/** Longer ones would not be file names. */
const maxVersionChars = 64

export function isVersion(text: string): boolean {
  return text.length <= maxVersionChars && versionPattern.test(text)
}

/**
 * By precedence (semver.org, section 11): negative if `a` is the older one, 0 if they differ in build metadata at most.
 * What is no version is older than all that are.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [read(a), read(b)]
  if (!left || !right) return Number(left !== undefined) - Number(right !== undefined)
  const order = firstDifference(left.core, right.core)
  if (order !== 0) return order
  // A pre-release comes before its release.
  if (left.pre.length === 0 || right.pre.length === 0) return right.pre.length - left.pre.length
  return firstDifference(left.pre, right.pre)
}

interface Parts {
  core: string[]
  /** The identifiers of a pre-release. */
  pre: string[]
}

function read(text: string): Parts | undefined {
  if (!isVersion(text)) return undefined
  const [version = ''] = text.replace(/^v/, '').split('+')
  const at = version.indexOf('-')
  const [core, pre] = at < 0 ? [version, ''] : [version.slice(0, at), version.slice(at + 1)]
  return { core: core.split('.'), pre: pre === '' ? [] : pre.split('.') }
}

function firstDifference(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareIdentifiers(a[at] ?? '', b[at] ?? '')
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** Numbers come before words. Lengths instead of values, because an identifier may be larger than a number can be. */
function compareIdentifiers(a: string, b: string): number {
  const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1
  if (isNumber && a.length !== b.length) return a.length - b.length
  if (a === b) return 0
  return a < b ? -1 : 1
}
