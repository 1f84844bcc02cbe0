import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '@plexd/runtime'

/**
 * What the interface cannot tell of itself, so that a restarted daemon finds its way: kept in /run, where it goes with
 * the interface when the machine starts anew. Holds no secret.
 */
export interface DeviceRecord {
  /** Of the key the interface had from us last. */
  public_key: string
  /** Public key -> what the control plane said of the peer when it was written. */
  peers: Readonly<Record<string, { id: string; endpoint: string }>>
  handovers: readonly {
    peer_id: string
    from: string
    to: string
    allowed_ips: readonly string[]
    started_ms: number
  }[]
}

/** For files that need not outlive the interface. */
export const standardRunDir = '/run/plexd'

export function recordPath(runDir: string, interfaceName: string): string {
  return join(runDir, `${interfaceName}.json`)
}

export const emptyRecord: DeviceRecord = { public_key: '', peers: {}, handovers: [] }

/** Empty when there is none, or one that cannot be read: the record saves work, nothing depends on it. */
export async function loadRecord(path: string): Promise<DeviceRecord> {
  try {
    const stored: Partial<DeviceRecord> = JSON.parse(await readFile(path, 'utf8'))
    return isWhole(stored) ? stored : emptyRecord
  } catch {
    return emptyRecord
  }
}

/** By hand: a schema takes longer for a thousand peers than a daemon may take to start. */
function isWhole(stored: Partial<DeviceRecord>): stored is DeviceRecord {
  const { public_key, peers, handovers } = stored
  return (
    typeof public_key === 'string' &&
    Array.isArray(handovers) &&
    handovers.every(({ from, to, allowed_ips }) => from && to && Array.isArray(allowed_ips)) &&
    Object.values(peers ?? [undefined]).every((peer) => typeof peer?.endpoint === 'string')
  )
}

export async function saveRecord(path: string, record: DeviceRecord): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(record))
}
