import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const programs = ['ip', 'nft', 'wg', 'wireguard-go', 'ping', 'sysctl', 'mount', 'curl']

/** Why a laboratory is impossible on this machine, for the `skip` of a test; false when it is possible. */
export function labSkip(...more: string[]): string | false {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  if (!isThere('/dev/net/tun')) return 'wireguard-go needs /dev/net/tun'
  return missingPrograms(...programs, ...more)
}

/** Why a test that runs them is impossible on this machine, for its `skip`; false when it is possible. */
export function missingPrograms(...wanted: string[]): string | false {
  const missing = wanted.filter((program) => !isInstalled(program))
  return missing.length > 0 && `not installed: ${missing.join(', ')}`
}

function isInstalled(program: string): boolean {
  const folders = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter)
  return folders.some((folder) => isThere(join(folder, program), constants.X_OK))
}

function isThere(path: string, mode = constants.F_OK): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
