import { chmod, copyFile, lutimes, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Contents } from './contents.ts'

/** A folder for the files of a package, which goes with the variable that holds it. */
export async function stagingFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'plexd-package-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Writes the files below `root`, with their modes and one time for all, whatever the umask. */
export async function stage(
  { files, folders }: Contents,
  { root, epochSeconds }: { root: string; epochSeconds: number },
): Promise<void> {
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true })
  for (const file of files) {
    const target = join(root, file.path)
    await mkdir(dirname(target), { recursive: true })
    if ('from' in file) await copyFile(file.from, target)
    else await writeFile(target, file.text)
    await chmod(target, 'from' in file ? 0o755 : 0o644)
  }
  await settle(root, epochSeconds)
}

/** Folders last, because writing into one changes its time. */
export async function settle(root: string, epochSeconds: number): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true })) {
    const path = join(root, entry.name)
    if (entry.isDirectory()) await settle(path, epochSeconds)
    else await lutimes(path, epochSeconds, epochSeconds)
  }
  await chmod(root, 0o755)
  await lutimes(root, epochSeconds, epochSeconds)
}
