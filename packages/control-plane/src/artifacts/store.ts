import type { Readable } from 'node:stream'
import { ApiError } from '@plexd/protocol'

/** Names a plexd binary; the parts become file names, so `isFileName` must hold for each. */
export interface ArtifactName {
  version: string
  os: string
  arch: string
}

/** A complete and durable upload that nobody finds yet. Disposing removes it, unless it is kept. Never rejects: what it leaves is removed at a later start. */
export interface ReceivedArtifact extends AsyncDisposable {
  size: number
  /** `sha256:` and hex. */
  checksum: string
  /** Puts it under its name, in place of any that is there. */
  keep(name: ArtifactName): Promise<void>
}

export interface ReceiveOptions {
  maxBytes: number
  expectedChecksum?: string
}

/** Offsets of the first and the last byte. */
export interface Bytes {
  start: number
  end: number
}

/** One that is there, for whoever downloads it. */
export interface OpenArtifact {
  /** Of what is there, which may be damaged. */
  size: number
  /** Of what came; undefined if only the row has it. */
  checksum: string | undefined
  /** Closes it at the end, or when it is destroyed. However slowly it is read, nothing of others is held meanwhile. */
  read(bytes: Bytes): Readable
  /** For whoever does not read. */
  close(): Promise<void>
}

/** The bytes of plexd binaries; what else is known of them is in rows of the state. */
export interface ArtifactStore {
  /** Throws an ApiError: 413 beyond `maxBytes`, 400 for an empty upload or a wrong checksum. */
  receive(content: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<ReceivedArtifact>
  /** Undefined if there is none of that name. */
  open(name: ArtifactName): Promise<OpenArtifact | undefined>
  /** Once it has no row any more, whose checksum that is. */
  remove(name: ArtifactName, checksum: string): Promise<void>
  /** Runs tasks one at a time, so that an artifact and its row change together. */
  exclusive<T>(work: () => Promise<T>): Promise<T>
}

/** Throws an ApiError (400) for a part that is not a plain file name. */
export function checkArtifactName(name: ArtifactName): void {
  for (const [field, value] of Object.entries(name))
    if (!/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/.test(value))
      throw new ApiError('bad_request', `${field} "${value}": want letters, digits and "._+-"`)
}
