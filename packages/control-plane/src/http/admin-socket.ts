import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { errorCodeOf } from '@plexd/runtime'
import type { FastifyInstance } from 'fastify'

/** The kernel's limit for a socket path, including the terminating zero. */
const maxPathBytes = 107

/**
 * Listens on a Unix socket that only its owner may open. Replaces the socket of a killed process; throws
 * if another process answers there, or the path is something else.
 */
export async function listenOnSocket(server: FastifyInstance, path: string): Promise<void> {
  const failed = (why: string): Error =>
    new Error(
      `listen on admin socket "${path}": ${why}; name another with --admin-socket, or "off"`,
    )
  if (Buffer.byteLength(path) > maxPathBytes) throw failed(`a path may have ${maxPathBytes} bytes`)
  await removeStale(path, failed)
  await server.ready()
  const before = process.umask(0o177)
  try {
    await server.listen({ path })
  } catch (cause) {
    throw new Error(`listen on admin socket "${path}"`, { cause })
  } finally {
    process.umask(before)
  }
}

async function removeStale(path: string, failed: (why: string) => Error): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return
  if (!found.isSocket()) throw failed('something else is there')
  if (await isAnswered(path)) throw failed('another process serves there')
  await unlink(path)
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', (error) =>
      resolve(!['ECONNREFUSED', 'ENOENT'].includes(errorCodeOf(error) ?? '')),
    )
  })
}
