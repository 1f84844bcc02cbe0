import { access, constants, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'

/**
 * The path of a program: itself if it is absolute, otherwise where PATH of its environment has it. Rejects with the
 * reason if it cannot be run.
 */
export async function findProgram(
  name: string,
  { PATH = '' }: Readonly<Record<string, string>>,
): Promise<string> {
  if (name.includes('='))
    throw new Error(`run "${name}": env(1) takes a name with "=" for a variable`)
  if (isAbsolute(name)) return await runnable(name)
  if (name.includes('/')) throw new Error(`run "${name}": want an absolute path`)
  for (const folder of PATH.split(':').filter(isAbsolute)) {
    const path = await runnable(join(folder, name)).catch(() => undefined)
    if (path !== undefined) return path
  }
  throw new Error(`run "${name}": there is no such program in "${PATH}"`)
}

/** Rejects if it is no folder. */
export async function checkFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isDirectory()) throw new Error(`run in "${path}": there is no such folder`)
}

async function runnable(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new Error(`run "${path}": there is no such file`)
  if (!found.isFile()) throw new Error(`run "${path}": it is not a file`)
  await access(path, constants.X_OK).catch(() => {
    throw new Error(`run "${path}": it is not executable`)
  })
  return path
}
