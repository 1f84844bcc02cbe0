import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Remote } from './call.ts'
import type { Transfer } from './tree.ts'

/** Called with the bytes of the file so far. */
type OnStep = (file: string, bytes: number, ofBytes: number) => void

/** Nobody else may read a file before all of it is there, and its own permissions are set. */
const draftMode = 0o600

export function upload({ sftp, call }: Remote, onStep: OnStep): Transfer {
  return (from, to) =>
    call<void>((done) =>
      sftp.fastPut(
        from,
        to,
        { mode: draftMode, step: (bytes, _chunk, all) => onStep(from, bytes, all) },
        done,
      ),
    )
}

export function download({ sftp, call }: Remote, onStep: OnStep): Transfer {
  return (from, to, { bytes }) => {
    // Those of /proc have no size until they are read.
    if (bytes === 0)
      return pipeline(sftp.createReadStream(from), createWriteStream(to, { mode: draftMode }))
    return call<void>((done) => {
      const step = (got: number, chunk: number, all: number): void => {
        onStep(from, got, all)
        // ssh2 would ask for the same bytes again, for ever.
        if (chunk === 0) done(new Error('the node answers without a byte of it'))
      }
      sftp.fastGet(from, to, { mode: draftMode, step }, done)
    })
  }
}
