import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { artifactView } from './artifact-view.ts'

/** Oldest first. */
export const listArtifacts = handle(adminApi.listArtifacts, async (_call, { store }) => {
  const rows = await store.reader
    .selectFrom('artifacts')
    .selectAll()
    .orderBy('created_at')
    .orderBy('os')
    .orderBy('arch')
    .execute()
  return { items: rows.map(artifactView) }
})
