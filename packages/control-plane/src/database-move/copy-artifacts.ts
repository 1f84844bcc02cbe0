import { ApiError } from '@plexd/protocol'
import type { ArtifactName, ArtifactStore, OpenArtifact } from '../artifacts/store.ts'
import type { StoredArtifact } from '../rows/artifacts.ts'
import { type CopiedBlobs, createBlobsDigest, demandSameBlobs } from './blobs-digest.ts'

export interface CopiedArtifacts extends CopiedBlobs {
  /** Those whose file is missing or another than was uploaded: nodes would refuse them anyway. */
  leftOut: string[]
}

/** Copies the artifacts of these rows, and reads them again there. May be repeated. */
export async function copyArtifacts(
  source: ArtifactStore,
  target: ArtifactStore,
  { rows, onProgress }: { rows: readonly StoredArtifact[]; onProgress: (text: string) => void },
): Promise<CopiedArtifacts> {
  const [ofSource, ofTarget] = [createBlobsDigest(), createBlobsDigest()]
  const leftOut: string[] = []
  for (const [index, { size, checksum, version, os, arch }] of rows.entries()) {
    onProgress(`copying artifacts, ${index + 1} of ${rows.length}`)
    const artifact = { version, os, arch }
    const name = Object.values(artifact).join('/')
    if (!(await copyOne(source, target, { artifact, size, checksum }))) {
      leftOut.push(name)
      continue
    }
    for (const [store, digest] of [
      [source, ofSource],
      [target, ofTarget],
    ] as const) {
      digest.item(name)
      for await (const bytes of contentOf(await store.open(artifact))) digest.add(bytes)
    }
  }
  const compared = { source: ofSource.result(), target: ofTarget.result() }
  return { ...demandSameBlobs({ what: 'artifacts', ...compared }), leftOut }
}

/** False if there is nothing good to copy. */
async function copyOne(
  source: ArtifactStore,
  target: ArtifactStore,
  { artifact, size, checksum }: { artifact: ArtifactName; size: number; checksum: string },
): Promise<boolean> {
  const found = await source.open(artifact)
  if (!found) return false
  try {
    await using received = await target.receive(contentOf(found), {
      maxBytes: size,
      expectedChecksum: checksum,
    })
    await received.keep(artifact)
    return true
  } catch (error) {
    // Of what is in the file; a database that is away is another error.
    if (error instanceof ApiError && [400, 413].includes(error.status)) return false
    throw error
  }
}

async function* contentOf(artifact: OpenArtifact | undefined): AsyncGenerator<Uint8Array> {
  if (!artifact) return
  try {
    if (artifact.size > 0) yield* artifact.read({ start: 0, end: artifact.size - 1 })
  } finally {
    await artifact.close()
  }
}
