import type { ProgramName } from '../../programs/build.ts'

/** An image for containers, whatever runs them. */
export interface ImageRow {
  name: 'plexd' | 'plexd-control-plane'
  /** One sentence without a full stop. */
  summary: string
  /** Ours, each in /usr/bin. */
  programs: readonly ProgramName[]
  /** Packages of Debian, and the programs of each that are taken; all of their shared libraries are. */
  packages: Readonly<Record<string, readonly string[]>>
  /** Of the user that it runs as, and of its group. */
  user: ImageUser
  /** Further groups, by their names. */
  groups: Readonly<Record<string, number>>
  folders: readonly ImageFolder[]
  environment: Readonly<Record<string, string>>
  entrypoint: readonly string[]
  /** What is run unless something else is asked for. */
  command: readonly string[]
  /** As in `8443/tcp`. */
  ports: readonly string[]
}

export interface ImageUser {
  name: string
  id: number
  home: string
}

export interface ImageFolder {
  path: string
  mode: number
  /** User and group; root where left out. */
  owner?: number
}
