import { readFile, rm } from 'node:fs/promises'
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
    /** These times are since the machine started. */
    started_ms: number
    /** Whether the new key has a PSK that nobody has. */
    shut?: boolean
    /** When the allowed IPs moved; the old key is ended a moment later. */
    moved_ms?: number
  }[]
}

export function recordPath(runDir: string, interfaceName: string): string {
  return join(runDir, `${interfaceName}.json`)
}

export const emptyRecord: DeviceRecord = { public_key: '', peers: {}, handovers: [] }

/** Empty when there is none, or one that cannot be read: the record saves work, nothing depends on it. */
export async function loadRecord(path: string): Promise<DeviceRecord> {
  try {
    const stored: DeviceRecord = JSON.parse(await readFile(path, 'utf8'))
    return isWhole(stored) ? stored : emptyRecord
  } catch {
    return emptyRecord
  }
}

/** The frame alone, by hand: a schema takes longer for a thousand peers than a daemon may take to start. */
function isWhole({ public_key, peers, handovers }: Partial<DeviceRecord>): boolean {
  return (
    typeof public_key === 'string' &&
    typeof peers === 'object' &&
    peers !== null &&
    Array.isArray(handovers) &&
    handovers.every(({ from, to, allowed_ips }) => from && to && Array.isArray(allowed_ips))
  )
}

/** A record that is kept on disk. */
export interface KeptRecord extends AsyncDisposable {
  current(): DeviceRecord
  /** Resolves when what must not be lost is on the disk: key and handovers. The rest follows within a second. */
  replace(next: DeviceRecord): Promise<void>
  /** Back to nothing, on the disk as well. */
  remove(): Promise<void>
}

/** A thousand peers make a file that is not to be written with each change of one. */
const restMs = 1_000

export async function keepRecord(path: string): Promise<KeptRecord> {
  let record = await loadRecord(path)
  let saved = record
  let saving: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  function save(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    saving = saving
      .catch(() => {}) // its caller is told
      .then(async () => {
        const content = record
        if (content === saved) return
        await writeFileAtomic(path, JSON.stringify(content))
        saved = content
      })
    return saving
  }

  return {
    current: () => record,
    async replace(next) {
      const isUrgent =
        next.public_key !== record.public_key || next.handovers.length + record.handovers.length > 0
      record = next
      if (isUrgent) await save()
      else timer ??= setTimeout(() => void save().catch(() => {}), restMs) // the next replacement tries again
    },
    async remove() {
      clearTimeout(timer)
      await saving.catch(() => {})
      record = saved = emptyRecord
      await rm(path, { force: true })
    },
    async [Symbol.asyncDispose]() {
      if (timer) await save()
      await saving
    },
  }
}
