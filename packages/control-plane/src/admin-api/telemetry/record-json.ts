import type { StoredRecord } from '../../telemetry/store.ts'
import { timestamp } from '../wire/timestamps.ts'

/** A record as operators see it: its text is as the node wrote it, so that no digit is lost. */
export function recordJson(
  { id, node_id, received_at, record }: StoredRecord,
  node_hostname: string,
): string {
  const head = { id, node_id, node_hostname, received_at: timestamp(received_at) }
  return `${JSON.stringify(head).slice(0, -1)},"record":${record}}`
}
