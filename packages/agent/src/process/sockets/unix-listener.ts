import { lstat, rm } from 'node:fs/promises'
import { connect } from 'node:net'

/** Whether a process listens on a Unix socket; false also without a file. */
export async function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const socket = connect(path, () => resolve(true))
  socket.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ECONNREFUSED' || cause.code === 'ENOENT') resolve(false)
    // The backlog is full, so a process listens.
    else if (cause.code === 'EAGAIN') resolve(true)
    else reject(new Error(`connect to "${path}": find out whether it is in use`, { cause }))
  })
  return promise.finally(() => socket.destroy())
}

/** Removes the file if it is a socket without a listener. */
export async function removeDeadSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSocket() && !(await isAnswered(path))) await rm(path, { force: true })
}
