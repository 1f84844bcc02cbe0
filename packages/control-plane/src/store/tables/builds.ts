/** Binaries of plexd. */
export interface BuildTables {
  artifacts: {
    version: string
    os: string
    arch: string
    size: number
    checksum: string
    created_at: number
    /** Base64; null if it was uploaded without one. */
    signature: string | null
  }
  /** Builds of plexd that were not uploaded and are good all the same. */
  trusted_builds: {
    version: string
    os: string
    arch: string
    checksum: string
    /** The name of the operator. */
    trusted_by: string
    created_at: number
  }
}
