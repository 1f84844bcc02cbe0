import { posix } from 'node:path'
import { CliError, describeError } from '@plexd/runtime'
import type { Found, Side } from './side.ts'

/** Moves the bytes of one file; `to` is made, for its owner alone. */
export type Transfer = (from: string, to: string, found: Found) => Promise<void>

export interface Copying {
  from: Side
  to: Side
  transfer: Transfer
  /** Folders too. */
  recursive: boolean
  signal: AbortSignal
}

/** Copies a file, or a folder with all that is in it, into a folder or under another name. */
export async function copyTree(copying: Copying, from: string, to: string): Promise<void> {
  const found = await attempt(copying.from, 'read', from, () => copying.from.find(from))
  if (!found) throw new CliError(`read ${copying.from.show(from)}: there is no such file`)
  if (found.kind === 'folder' && !copying.recursive)
    throw new CliError(`read ${copying.from.show(from)}: it is a folder: use -r`)
  await copyOne(copying, { from, to: await nameAt(copying.to, to, posix.basename(from)), found })
}

/** In a folder that is there under its own name, else under the given one. */
async function nameAt(side: Side, path: string, name: string): Promise<string> {
  const there = await attempt(side, 'read', path, () => side.find(path))
  if (there?.kind === 'folder') return isName(name) ? posix.join(path, name) : path
  if (path.endsWith('/')) throw new CliError(`write ${side.show(path)}: there is no such folder`)
  return path
}

interface Item {
  from: string
  to: string
  found: Found
}

async function copyOne(copying: Copying, item: Item): Promise<void> {
  const { from, found } = item
  copying.signal.throwIfAborted()
  if (found.kind === 'folder') return copyFolder(copying, item)
  if (found.kind === 'file') return copyFile(copying, item)
  throw new CliError(`read ${copying.from.show(from)}: it is neither a file nor a folder`)
}

async function copyFolder(copying: Copying, { from, to, found }: Item): Promise<void> {
  const there = await attempt(copying.to, 'read', to, () => copying.to.find(to))
  if (there && there.kind !== 'folder')
    throw new CliError(`write ${copying.to.show(to)}: there is a file of that name`)
  if (!there) await attempt(copying.to, 'make', to, () => copying.to.makeFolder(to))
  for (const name of await attempt(copying.from, 'read', from, () => copying.from.list(from))) {
    if (!isName(name)) throw new CliError(`read ${copying.from.show(from)}: it has "${name}" in it`)
    const path = posix.join(from, name)
    const child = await attempt(copying.from, 'read', path, () => copying.from.find(path))
    // Undefined for a link that leads nowhere, and for what was removed meanwhile.
    if (child) await copyOne(copying, { from: path, to: posix.join(to, name), found: child })
  }
  // At the end: what is in a folder that may not be written could not be made otherwise.
  if (!there) await attempt(copying.to, 'write', to, () => copying.to.setMode(to, found.mode))
}

/** Under a name of its own until all of it is there. */
async function copyFile({ from, to, transfer, signal }: Copying, item: Item): Promise<void> {
  const draft = posix.join(posix.dirname(item.to), `.plexctl-${crypto.randomUUID()}`)
  const what = `copy ${from.show(item.from)} to ${to.show(item.to)}`
  try {
    await unlessAborted(transfer(item.from, draft, item.found), signal)
    await to.setMode(draft, item.found.mode)
    await to.rename(draft, item.to)
  } catch (error) {
    await to.remove(draft).catch(() => undefined)
    // Nobody has heard of the draft.
    throw new CliError(`${what}: ${describeError(error).replaceAll(draft, item.to)}`)
  }
}

/** A transfer cannot be stopped; that of an aborted copy ends with its connection. */
function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(new Error('interrupted'))
  signal.addEventListener('abort', abort)
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', abort))
}

/** Whether it names something in a folder: the other side could lead out of ours by another. */
function isName(name: string): boolean {
  return !['', '.', '..'].includes(name) && !name.includes('/') && !name.includes('\0')
}

async function attempt<Result>(
  side: Side,
  verb: string,
  path: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw new CliError(`${verb} ${side.show(path)}: ${describeError(error)}`)
  }
}
