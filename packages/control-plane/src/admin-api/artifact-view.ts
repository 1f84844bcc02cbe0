import type { Artifact } from '@plexd/protocol'
import type { Selectable } from 'kysely'
import type { Tables } from '../store/schema.ts'
import { timestamp } from './timestamps.ts'

export function artifactView(row: Selectable<Tables['artifacts']>): Artifact {
  return { ...row, created_at: timestamp(row.created_at) }
}
