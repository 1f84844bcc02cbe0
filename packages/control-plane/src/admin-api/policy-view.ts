import type { Policy, PolicyRule } from '@plexd/protocol'
import type { Selectable } from 'kysely'
import type { Tables } from '../store/schema.ts'
import { timestamp } from './timestamps.ts'

export function policyView(row: Selectable<Tables['policies']>): Policy {
  return {
    id: row.id,
    name: row.name,
    revision: row.revision,
    rules: JSON.parse(row.rules) as PolicyRule[], // written by us, checked when it came in
    updated_at: timestamp(row.updated_at),
  }
}
