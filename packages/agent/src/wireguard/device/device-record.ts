import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '@plexd/runtime'

/**
 * State that the interface cannot hold itself, for a restarted daemon: stored in /run, so it disappears together with
 * the interface at reboot. Contains no secrets.
 */
export interface DeviceRecord {
  /** The public key of the key that we last gave the interface. */
  public_key: string
  /** Public key -> the control plane's data about the peer when it was written. */
  peers: Readonly<Record<string, { id: string; endpoint: string }>>
  handovers: readonly {
    peer_id: string
    from: string
    to: string
    allowed_ips: readonly string[]
    /** These times are since boot. */
    started_ms: number
    /** Whether the new key has a random PSK. */
    shut?: boolean
    /** When the allowed IPs were moved; the old key is removed shortly after. */
    moved_ms?: number
  }[]
}

export function recordPath(runDir: string, interfaceName: string): string {
  return join(runDir, `${interfaceName}.json`)
}

export const emptyRecord: DeviceRecord = { public_key: '', peers: {}, handovers: [] }

/** Empty if missing or unreadable: the record saves work, but nothing depends on it. */
export async function loadRecord(path: string): Promise<DeviceRecord> {
  try {
    const stored: DeviceRecord = JSON.parse(await readFile(path, 'utf8'))
    return isWhole(stored) ? stored : emptyRecord
  } catch {
    return emptyRecord
  }
}

/** Validates only the outer structure, by hand: a schema would take too long for a thousand peers at startup. */
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
  /** Resolves when the essentials are on disk: key and handovers. The rest follows within a second. */
  replace(next: DeviceRecord): Promise<void>
  /** Clears it, on disk too. */
  remove(): Promise<void>
}

/** The file of a thousand peers must not be rewritten at each change of one. */
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
      .catch(() => {}) // reported to its caller
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
      else timer ??= setTimeout(() => void save().catch(() => {}), restMs) // retried at the next change
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
