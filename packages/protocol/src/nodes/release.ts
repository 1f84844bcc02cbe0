/** A build of plexd, by what its release signature covers. */
export interface Release {
  version: string
  /** As Go names them: `linux`, and `amd64` or `arm64`. */
  os: string
  arch: string
  /** SHA-256 of the file; `sha256:` and hex, or bare hex. */
  checksum: string
}

/**
 * The text that a release key signs (Ed25519). It names version and platform as well as the bytes: otherwise an old
 * signed build could be served under a new version.
 */
export function releaseStatement({ version, os, arch, checksum }: Release): string {
  return `plexd ${version} ${os}/${arch} ${normalChecksum(checksum)}\n`
}

/** `sha256:` and hex in lower case; both prefix and case vary. */
export function normalChecksum(text: string): string {
  return `sha256:${text
    .trim()
    .toLowerCase()
    .replace(/^sha256:/, '')}`
}

/** The header with the signature of a build, in base64. */
export const signatureHeader = 'x-plexd-signature'

/** Go's name of a platform of Node. */
export function goArch(arch: string): string {
  return arch === 'x64' ? 'amd64' : arch
}
