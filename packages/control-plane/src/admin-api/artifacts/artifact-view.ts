import type { Artifact } from '@plexd/protocol'
import type { StoredArtifact } from '../../rows/artifacts.ts'
import { timestamp } from '../wire/timestamps.ts'

export function artifactView(artifact: StoredArtifact): Artifact {
  return { ...artifact, created_at: timestamp(artifact.created_at) }
}
