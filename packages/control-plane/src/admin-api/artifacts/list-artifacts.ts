import { adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readArtifacts } from '../../rows/artifacts.ts'
import { artifactView } from './artifact-view.ts'

/** Oldest first. */
export const listArtifacts = handle(adminApi.listArtifacts, async (_call, { store }: State) => {
  const artifacts = await readArtifacts(store.reader)
  return { items: artifacts.map(artifactView) }
})
