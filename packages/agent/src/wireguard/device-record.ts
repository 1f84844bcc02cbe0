import { readFile } from 'node:fs/promises'
import { writeFileAtomic } from '@plexd/runtime'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'

/**
 * What the interface cannot tell of itself, so that a restarted daemon finds its way: kept in /run, where it goes with
 * the interface when the machine starts anew. Holds no secret.
 */
export const DeviceRecord = Type.Object({
  /** Of the key the interface had from us last. */
  public_key: Type.String(),
  /** Public key -> what the control plane said of the peer when it was written. */
  peers: Type.Record(Type.String(), Type.Object({ id: Type.String(), endpoint: Type.String() })),
  handovers: Type.Array(
    Type.Object({
      peer_id: Type.String(),
      from: Type.String(),
      to: Type.String(),
      allowed_ips: Type.Array(Type.String()),
      started_ms: Type.Number(),
    }),
  ),
})
export type DeviceRecord = Static<typeof DeviceRecord>

export const emptyRecord: DeviceRecord = { public_key: '', peers: {}, handovers: [] }

/** Empty when there is none, or one that cannot be read: the record saves work, nothing depends on it. */
export async function loadRecord(path: string): Promise<DeviceRecord> {
  try {
    const stored: unknown = JSON.parse(await readFile(path, 'utf8'))
    return Check(DeviceRecord, stored) ? stored : emptyRecord
  } catch {
    return emptyRecord
  }
}

export async function saveRecord(path: string, record: DeviceRecord): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(record))
}
