import { createHash } from 'node:crypto'
import { access, constants, mkdtemp, open, realpath, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { describeError, makeFolder, ownersHere } from '@plexd/runtime'
import { resolveTrusted } from '../files/trusted-path.ts'
import { interpreterOf } from './interpreter.ts'

/** Where copies of hooks may lie while they run. */
export interface CopyPlaces {
  /** In the data dir, which plexd alone can enter. */
  own: string
  /** Beside the socket, where every user can come. Its name is that of the data dir, so two daemons do not meet. */
  shared: string
}

export interface PrivateCopy extends AsyncDisposable {
  /** The command that runs it. */
  argv: readonly [string, ...string[]]
  path: string
}

export function copyPlaces(config: { dataDir: string; socketPath: string }): CopyPlaces {
  const dataDir = resolve(config.dataDir)
  const id = createHash('sha256').update(dataDir).digest('hex').slice(0, 12)
  return {
    own: join(dataDir, 'hook-copies'),
    shared: join(dirname(resolve(config.socketPath)), `hook-copies-${id}`),
  }
}

/** Removes the copies of a daemon that was killed. One that cannot be removed disturbs nobody. */
export async function removeCopies({ own, shared }: CopyPlaces): Promise<void> {
  await Promise.allSettled([own, shared].map(removePlace))
}

async function removePlace(place: string): Promise<void> {
  // In a folder of another user, something else could be removed than what is seen.
  await requireSafe(place)
  await rm(place, { recursive: true, force: true })
}

/** Nobody else may put another program in place of a copy. The socket may be in `/tmp`, where others may have made the place first. */
async function requireSafe(place: string): Promise<void> {
  const { fault } = await resolveTrusted(place, ownersHere())
  if (fault) throw new Error(`${fault.reason}: ${fault.remedy}`)
}

/**
 * Copies a program to where only plexd can change it, and the user who runs it can reach it. A script also runs where the
 * file system takes no programs (`noexec`), by its interpreter. The name of the copy is that of the hook, so that `$0` tells something.
 * Rejects with what each place lacks.
 */
export async function copyProgram(
  program: Buffer,
  { name, places, isForOthers }: { name: string; places: CopyPlaces; isForOthers: boolean },
): Promise<PrivateCopy> {
  const faults: string[] = []
  for (const place of isForOthers ? [places.shared] : [places.own, places.shared]) {
    try {
      if (isForOthers) await requireOpen(dirname(place))
      return await copyTo(place, name, program)
    } catch (error) {
      faults.push(describeError(error))
    }
  }
  throw new Error(`copy hook "${name}" to run it: ${faults.join('; ')}`)
}

async function copyTo(place: string, name: string, program: Buffer): Promise<PrivateCopy> {
  makeFolder(place, 0o711)
  await requireSafe(place)
  // Without symbolic links, on which a sandbox cannot show it.
  const folder = await realpath(await mkdtemp(join(place, 'run-')))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    await setMode(folder, constants.O_RDONLY | constants.O_DIRECTORY, 0o711)
    const path = join(folder, name)
    await write(path, program)
    return { path, argv: await commandOf(path, program), [Symbol.asyncDispose]: remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function write(path: string, program: Buffer): Promise<void> {
  await using file = await open(path, 'wx', 0o700)
  await file.writeFile(program)
  // Against the umask; nobody may write, not even plexd.
  await file.chmod(0o555)
}

async function setMode(path: string, flags: number, mode: number): Promise<void> {
  await using folder = await open(path, flags)
  await folder.chmod(mode)
}

async function commandOf(path: string, program: Buffer): Promise<[string, ...string[]]> {
  // access(2) refuses a program on a file system that is mounted noexec.
  const isExecutable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
  if (isExecutable) return [path]
  const [interpreter, ...rest] = interpreterOf(program) ?? []
  if (interpreter !== undefined) return [interpreter, ...rest, path]
  throw new Error(
    `"${dirname(dirname(path))}" is on a file system that runs no programs (noexec), and the hook is no script`,
  )
}

/** Every folder above must let every user through. */
async function requireOpen(folder: string): Promise<void> {
  const { mode } = await stat(folder)
  if ((mode & 0o001) === 0)
    throw new Error(
      `"${folder}" lets no other user through, and the hook runs as one: chmod o+x ${folder}`,
    )
  if (dirname(folder) !== folder) await requireOpen(dirname(folder))
}
