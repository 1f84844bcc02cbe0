import { timingSafeEqual } from 'node:crypto'
import { statSync } from 'node:fs'
import { type Clock, describeError, type Log, ownersHere, readSecretFile } from '@plexd/runtime'

export interface TokenFile {
  /** Whether an `Authorization` header has the token. Checks the file for changes at most once a second. */
  admits(authorization: string | undefined): boolean
}

const lookEveryMs = 1_000

/**
 * Opens a file with the bearer token; white space around it is ignored. Throws if it is missing, empty, or readable by
 * others. It is checked when a request arrives, not in the background: a token revoked an hour ago must not pass
 * because nobody has called since.
 */
export function openTokenFile(path: string, clock: Clock, log: Log): TokenFile {
  let current: Token | undefined = read(path)
  let lookedAtMs = clock.monotonic()

  /** Without the file nobody is admitted. */
  function look(): void {
    lookedAtMs = clock.monotonic()
    try {
      if (current && changeOf(path) === current.change) return
      current = read(path)
      log.info('token file read again', { file: path })
    } catch (error) {
      if (current) {
        const reason = describeError(error)
        log.error('token file cannot be read, nobody is admitted', { file: path, error: reason })
      }
      current = undefined
    }
  }

  return {
    admits(authorization) {
      if (clock.monotonic() - lookedAtMs >= lookEveryMs) look()
      const token = bearerToken(authorization)
      return token !== undefined && current !== undefined && isEqual(token, current.bytes)
    },
  }
}

interface Token {
  bytes: Buffer
  /** Changes whenever the file is written or replaced. */
  change: string
}

function read(path: string): Token {
  const change = changeOf(path)
  const token = readSecretFile(path, `read token file "${path}"`, ownersHere()).trim()
  if (token === '') throw new Error(`read token file "${path}": it is empty`)
  return { bytes: Buffer.from(token), change }
}

function changeOf(path: string): string {
  try {
    const { mtimeNs, ctimeNs, ino, size } = statSync(path, { bigint: true })
    return [mtimeNs, ctimeNs, ino, size].join()
  } catch (cause) {
    throw new Error(`read token file "${path}"`, { cause })
  }
}

/** The scheme in any letter case, one space, the token. */
function bearerToken(authorization = ''): string | undefined {
  const [, token] = /^bearer (\S+)$/i.exec(authorization) ?? []
  return token
}

/** Constant time, except for the length. Header values are bytes in Latin-1 text. */
function isEqual(given: string, token: Buffer): boolean {
  return given.length === token.length && timingSafeEqual(Buffer.from(given, 'latin1'), token)
}
