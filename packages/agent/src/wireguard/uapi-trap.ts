import { stat, utimes } from 'node:fs/promises'

/**
 * Notices that somebody else has spoken to wireguard-go, which tells nobody of a change: connecting to a Unix socket
 * touches the access time of its file. Looking costs one `stat`, whatever the number of peers.
 */
export interface UapiTrap {
  /** Forgets what was noticed until now. To be called after each connection of our own. */
  arm(): Promise<void>
  /** Whether somebody has connected since, or the socket has gone. */
  isSprung(): Promise<boolean>
  /** False where the file system does not keep access times; known after the first connection of our own. */
  works(): boolean
}

/** An access time that no connection leaves. It is older than any change of the file, or `relatime` would not move it. */
const armedSeconds = 1

export function createUapiTrap(socketPath: string): UapiTrap {
  let armed = false
  let works = true

  async function accessSeconds(): Promise<number | undefined> {
    return stat(socketPath).then(
      ({ atimeMs }) => atimeMs / 1_000,
      () => undefined,
    )
  }

  return {
    works: () => works,
    async arm() {
      if (armed) works = (await accessSeconds()) !== armedSeconds
      await utimes(socketPath, armedSeconds, Date.now() / 1_000).then(
        () => {
          armed = true
        },
        () => {
          armed = false
        },
      )
    },
    async isSprung() {
      return armed && works && (await accessSeconds()) !== armedSeconds
    },
  }
}
