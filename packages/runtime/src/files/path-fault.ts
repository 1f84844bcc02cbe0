import { statSync } from 'node:fs'
import { isMissing } from './error-code.ts'

/** Why a path is none of a file or folder; undefined if it is one, or if this user may not look. */
export function pathFault(path: string, wanted: 'file' | 'folder'): string | undefined {
  try {
    const found = statSync(path)
    const isIt = wanted === 'folder' ? found.isDirectory() : !found.isDirectory()
    return isIt ? undefined : `${JSON.stringify(path)} is no ${wanted}`
  } catch (error) {
    if (isMissing(error)) return `there is no ${wanted} ${JSON.stringify(path)}`
    return isOfPath(error) ? (error as Error).message : undefined
  }
}

/** That no such path can be; not that it is kept from this user. */
function isOfPath(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException
  return ['ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'ERR_INVALID_ARG_VALUE'].includes(code)
}
