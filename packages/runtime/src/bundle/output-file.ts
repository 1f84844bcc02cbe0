import { once } from 'node:events'
import { createWriteStream, existsSync, type WriteStream } from 'node:fs'
import { link, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'
import { CliError, exitCodes } from '../cli/cli.ts'
import { syncFile, syncFolder } from '../files/atomic-file.ts'
import { errorCodeOf } from '../files/error-code.ts'
import { systemRemedy } from '../files/system-remedy.ts'
import { describeError } from '../log/log.ts'

/** A new file that nobody sees under its name before it is complete and on disk. Disposing removes it unless it was kept. */
export interface OutputFile extends AsyncDisposable {
  readonly stream: Writable
  /** The stream must have finished. */
  keep(): Promise<void>
}

/** What is behind the name of a file that is not complete. */
const partialSuffix = '.partial'

/** `what` it is, for errors. Throws a CliError if there is a file of that name, or its folder cannot be written to. */
export async function openOutput(path: string, what: string): Promise<OutputFile> {
  refuseExisting(path, what)
  const partial = `${path}.${crypto.randomUUID().slice(0, 8)}${partialSuffix}`
  const stream = await createFile(partial, what)
  return {
    stream,
    async keep() {
      await syncFile(partial)
      await publish(partial, path, what)
      await syncFolder(dirname(path))
    },
    async [Symbol.asyncDispose]() {
      stream.destroy()
      await rm(partial, { force: true })
    },
  }
}

/** Waits until it is open: that it cannot be would otherwise be an event that nobody listens to yet. */
async function createFile(path: string, what: string): Promise<WriteStream> {
  const stream = createWriteStream(path, { flags: 'wx', mode: 0o600 })
  try {
    await once(stream, 'ready')
    return stream
  } catch (error) {
    const remedy = systemRemedy(error, 'let this user write there, or choose another with --out')
    throw new CliError(`write ${what} to "${dirname(path)}": ${describeError(error)}: ${remedy}`)
  }
}

/** A link does not replace a file that somebody else has made meanwhile; where there are none, as on FAT, renaming has to do. */
async function publish(partial: string, path: string, what: string): Promise<void> {
  try {
    await link(partial, path)
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST') throw taken(path, what)
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(errorCodeOf(error) ?? '')) throw error
    refuseExisting(path, what)
    await rename(partial, path)
  }
}

function refuseExisting(path: string, what: string): void {
  if (existsSync(path)) throw taken(path, what)
}

function taken(path: string, what: string): CliError {
  return new CliError(
    `write ${what} "${path}": there is a file of that name: remove it, or choose another with --out`,
    exitCodes.usage,
  )
}
