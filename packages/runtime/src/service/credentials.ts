import { existsSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'

/**
 * Files with secrets that systemd hands to a service by `LoadCredential=` and `SetCredential=` (systemd.exec(5)), each by its
 * name in a folder that the service can read and nobody can change.
 */
export interface Credential {
  /** `plexd.join` */
  name: string
  file: string
}

/** The folder is named to the service alone; for a command that a person types it is that of the unit, if that runs. */
export function withCredentialsOf(unit: string, env = process.env): NodeJS.ProcessEnv {
  if (env.CREDENTIALS_DIRECTORY) return env
  const folder = `/run/credentials/${unit}`
  return existsSync(folder) ? { ...env, CREDENTIALS_DIRECTORY: folder } : env
}

/** Of the settings that may be one, by their keys, those that are there. */
export function findCredentials<Key extends string>(
  names: readonly (readonly [key: Key, name: string | undefined])[],
  { CREDENTIALS_DIRECTORY: folder }: NodeJS.ProcessEnv,
): Map<Key, Credential> {
  if (!folder) return new Map()
  return new Map(
    names.flatMap(([key, name]) => {
      if (name === undefined) return []
      const file = join(folder, name)
      return existsSync(file) ? [[key, { name, file }] as const] : []
    }),
  )
}

/** Whether it is in that folder, so that it cannot be removed. */
export function isCredential(file: string, folder: string | undefined): boolean {
  return folder !== undefined && resolve(file).startsWith(resolve(folder) + sep)
}
