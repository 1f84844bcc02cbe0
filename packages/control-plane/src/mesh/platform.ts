import type { NodeRecord } from './fleet.ts'

/** What a machine is, as Go names it: `linux` and `amd64`. Both empty for a node that does not say. */
export interface Platform {
  os: string
  arch: string
}

/** As a node reports it of itself, which agents do when they register. */
export function platformOf({
  reported,
  labels,
}: Pick<NodeRecord, 'reported' | 'labels'>): Platform {
  const { os = '', arch = '' } = { ...labels, ...reported }
  return { os, arch }
}
