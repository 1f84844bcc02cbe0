/** The keys of an installation: others may use the same bucket, and the same prefix. */
export interface Keys {
  /** What all of them begin with. */
  all: string
  /** What uploads begin with of which nobody knows yet. */
  incoming: string
  /** By the checksum, `sha256:` and hex: the same bytes are there once. */
  of(checksum: string): string
}

export function keysOf(prefix: string, installation: string): Keys {
  const all = `${prefix}${installation}/`
  return {
    all,
    incoming: `${all}incoming/`,
    of: (checksum) => `${all}${checksum.replace(/^sha256:/, '')}`,
  }
}
