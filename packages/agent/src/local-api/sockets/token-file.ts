import { timingSafeEqual } from 'node:crypto'
import { statSync } from 'node:fs'
import { type Clock, describeError, type Log, ownersHere, readSecretFile } from '@plexd/runtime'

export interface TokenFile {
  /** Whether an `Authorization` header carries the token. Looks at the file once a second. */
  admits(authorization: string | undefined): boolean
}

const lookEveryMs = 1_000

/**
 * Opens a file that holds the bearer token between white space. Throws when it is missing or empty, or when others may read it.
 *
 * It is read in place, not in the background: a token that was taken back an hour ago must not pass because nobody has
 * called since.
 */
export function openTokenFile(path: string, clock: Clock, log: Log): TokenFile {
  let current: Token | undefined = read(path)
  let lookedAtMs = clock.monotonic()

  /** A file that went away admits nobody. */
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
  /** Differs whenever the file was written or replaced. */
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

/** In a time that tells nothing of the token but its length. Header values are bytes in Latin-1 text. */
function isEqual(given: string, token: Buffer): boolean {
  return given.length === token.length && timingSafeEqual(Buffer.from(given, 'latin1'), token)
}
