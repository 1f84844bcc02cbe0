import { diskFault } from './disk.ts'
import { errorCodeOf } from './error-code.ts'

/** What to do about a system error, whatever wraps it; `otherwise` for errors that are not about space or descriptors. */
export function systemRemedy(error: unknown, otherwise: string): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const remedy = remedies[errorCodeOf(at) ?? '']
    if (remedy !== undefined) return remedy
  }
  return diskFault(error)?.remedy ?? otherwise
}

const remedies: Readonly<Record<string, string>> = {
  EISDIR: 'a folder stands where a file has to: move it away',
  ENOTDIR: 'a file stands where a folder has to: move it away',
  ELOOP: 'a link leads to itself: remove it',
  EMFILE: 'this process may open no more files: raise "ulimit -n", or LimitNOFILE= of its unit',
  ENFILE: 'this machine may open no more files: raise it with "sysctl -w fs.file-max=..."',
}
