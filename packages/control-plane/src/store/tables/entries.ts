/** What operators give to nodes. */
export interface EntryTables {
  policies: {
    id: string
    tenant_id: string
    name: string
    revision: number
    position: number
    /** PolicyRule[] as JSON. */
    rules: string
    updated_at: number
  }
  /** One row per key and target; `target` is `node:<id>` or `selector:<text>`. */
  data_entries: EntryTable & { content_type: string; payload: string }
  secrets: EntryTable & { value_sealed: string }
  /** The last version of each key; kept after deletion, so that no version is used twice. */
  key_versions: { tenant_id: string; kind: 'data' | 'secret'; key: string; version: number }
}

interface EntryTable {
  id: string
  tenant_id: string
  key: string
  target: string
  version: number
  updated_at: number
}
