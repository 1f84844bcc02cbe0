import { readFile } from 'node:fs/promises'
import { getCACertificates } from 'node:tls'
import type { Announcement } from '@plexd/protocol'
import {
  certificatesIn,
  fingerprintOf,
  readPlainFile,
  trustSystem,
  undefinedIfMissing,
  writeFileAtomic,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { pinnedCaFile } from '../config/remembered.ts'

type Place = Pick<AgentConfig, 'caFile' | 'dataDir'>

/** Puts the announced authorities into the CA file, if that is our own copy. Resolves to whether it has changed. */
export async function takeAuthorities(
  { caFile, dataDir }: Place,
  { authorities }: Announcement,
): Promise<boolean> {
  if (authorities.length === 0 || caFile !== pinnedCaFile(dataDir)) return false
  const pem = authorities.flatMap(certificatesIn).join('')
  const before = await readFile(caFile, 'utf8').catch(undefinedIfMissing)
  if (before === pem) return false
  await writeFileAtomic(caFile, pem, { mode: 0o644 })
  return true
}

export interface Trust {
  /** Fingerprints of the announced authorities that this node trusts. */
  trusted: string[]
  /** What a person has to do about the others; empty for nothing. */
  problem: string
}

export function trustIn({ caFile }: Place, { authorities }: Announcement): Trust {
  const own = new Set(trustedCertificates(caFile).map(fingerprintOf))
  const announced = authorities.map(fingerprintOf)
  const missing = announced.filter((one) => !own.has(one))
  return { trusted: announced.filter((one) => own.has(one)), problem: describe(missing, caFile) }
}

function trustedCertificates(caFile: string | undefined): string[] {
  if (caFile === undefined) {
    trustSystem()
    return getCACertificates('default')
  }
  return certificatesIn(readPlainFile(caFile, `read CA file "${caFile}"`))
}

function describe(missing: readonly string[], caFile: string | undefined): string {
  if (missing.length === 0) return ''
  const [where, remedy] =
    caFile === undefined
      ? ['what this system trusts', 'name a file that has it with ca_file']
      : [`"${caFile}", which the settings name,`, 'add its certificate there, and reload plexd']
  return `the control plane announces the authority ${missing.join(' and ')}, and ${where} does not have it: ${remedy} ("plexctl authority show" prints it)`
}
