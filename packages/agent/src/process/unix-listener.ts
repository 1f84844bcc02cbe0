import { lstat, rm } from 'node:fs/promises'
import { connect } from 'node:net'

/** Whether somebody listens on a Unix socket; false when there is no file either. */
export async function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const socket = connect(path, () => resolve(true))
  socket.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ECONNREFUSED' || cause.code === 'ENOENT') resolve(false)
    // A full queue of connections: somebody listens, however busy.
    else if (cause.code === 'EAGAIN') resolve(true)
    else reject(new Error(`connect to "${path}": find out whether it is in use`, { cause }))
  })
  return promise.finally(() => socket.destroy())
}

/** Removes the file of a socket that nobody listens on any more, and nothing else that may be there. */
export async function removeDeadSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSocket() && !(await isAnswered(path))) await rm(path, { force: true })
}
