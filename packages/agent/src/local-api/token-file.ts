import { hash, timingSafeEqual } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { type Clock, describeError, type Log } from '@plexd/runtime'

export interface TokenFile {
  /** Whether an `Authorization` header carries the token. Looks at the file once a second. */
  admits(authorization: string | undefined): boolean | Promise<boolean>
}

const lookEveryMs = 1_000

/** Opens a file that holds the bearer token between white space. Rejects when it is missing or empty. */
export async function openTokenFile(path: string, clock: Clock, log: Log): Promise<TokenFile> {
  let { digest, change } = await read(path)
  let lookedAtMs = clock.now()
  let looking: Promise<void> | undefined

  /** A file that went away admits nobody. */
  async function look(): Promise<void> {
    try {
      if ((await changeOf(path)) === change) return
      ;({ digest, change } = await read(path))
      log.info('token file read again', { file: path })
    } catch (error) {
      if (digest)
        log.error('token file cannot be read, nobody is admitted', {
          file: path,
          error: describeError(error),
        })
      digest = undefined
      change = ''
    }
  }

  function matches(authorization: string | undefined): boolean {
    const token = bearerToken(authorization)
    return token !== undefined && digest !== undefined && timingSafeEqual(digestOf(token), digest)
  }

  return {
    admits(authorization) {
      if (!looking && clock.now() - lookedAtMs < lookEveryMs) return matches(authorization)
      looking ??= look().finally(() => {
        lookedAtMs = clock.now()
        looking = undefined
      })
      return looking.then(() => matches(authorization))
    },
  }
}

async function read(path: string): Promise<{ digest: Buffer | undefined; change: string }> {
  const change = await changeOf(path)
  const token = (await readFile(path, 'utf8')).trim()
  if (token === '') throw new Error(`read token file "${path}": it is empty`)
  return { digest: digestOf(token), change }
}

/** Differs whenever the file was written or replaced. */
async function changeOf(path: string): Promise<string> {
  try {
    const { mtimeNs, ctimeNs, ino, size } = await stat(path, { bigint: true })
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

/** Of one length, so that comparing tells nothing, not even how long the token is. */
function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}
