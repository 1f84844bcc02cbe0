import type { ProgramName } from '../../programs/build.ts'
import type { Architecture } from '../architecture.ts'

/** A package, as any kind of package manager gets it. */
export interface PackageRow {
  name: 'plexd' | 'plexd-control-plane'
  /** At most 60 characters, no full stop. */
  summary: string
  /** One paragraph. */
  description: string
  /** Each is in /usr/bin, and has a man page and completions. */
  programs: readonly ProgramName[]
  files: readonly PackagedFile[]
  /** Empty folders. */
  folders: readonly string[]
  /** By what they are called in Debian, and in Fedora and RHEL; undefined where it comes with another. */
  needs: readonly Need[]
  /** Which are installed along if there are any. */
  recommends: readonly Need[]
}

export interface PackagedFile {
  /** Absolute. */
  path: string
  text: string | Buffer
  /** Whether it belongs to the operator once it is there: an upgrade does not change it, unless nobody has. */
  isConfig?: boolean
}

export interface Need {
  deb: string
  rpm: string
}

/** What the C++ library is called, and the versions that Node.js wants: a test compares them with its file. */
export const nodeNeeds: readonly Need[] = [
  { deb: 'libc6 (>= 2.28)', rpm: 'glibc >= 2.28' },
  { deb: 'libstdc++6 (>= 5)', rpm: 'libstdc++ >= 5' },
  { deb: 'libgcc-s1', rpm: 'libgcc' },
  { deb: 'libatomic1', rpm: 'libatomic' },
]

/** Versions before a release sort before it only by `~`: 1.5.0~rc.1. */
export function packageVersion(version: string): string {
  return version.replaceAll('-', '~')
}

/** What rpm calls it. */
export const rpmArchitectures: Readonly<Record<Architecture, string>> = {
  amd64: 'x86_64',
  arm64: 'aarch64',
}
