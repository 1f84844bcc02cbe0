import { once } from 'node:events'
import { Socket } from 'node:net'
import { describeError } from '@plexd/runtime'
import type { FromDialer, ToDialer } from './dial-messages.ts'

const dialMs = 30_000

/** The process that connects for the forwards of a session: as its user, so that what the machine allows to a user counts. */
export async function runDialer(): Promise<void> {
  process.on('message', (message: ToDialer) => {
    if (message.type === 'become') become(message)
    else void dial(message)
  })
  process.on('disconnect', () => process.exit())
}

function become({ name, uid, gid, groups }: Extract<ToDialer, { type: 'become' }>): void {
  // Only root may, and nobody else becomes another user.
  if (process.getuid?.() === 0) process.setgroups?.([...new Set([gid, ...groups])])
  process.setgid?.(gid)
  process.setuid?.(uid)
  if (process.getuid?.() !== uid) throw new Error(`become "${name}": it is still another user`)
  tell({ type: 'ready' })
}

async function dial({ id, host, port }: Extract<ToDialer, { type: 'dial' }>): Promise<void> {
  const socket = new Socket()
  socket.pause() // what comes is read by whoever gets the socket
  try {
    socket.connect({ host, port })
    await once(socket, 'connect', { signal: AbortSignal.timeout(dialMs) })
    tell({ type: 'dialed', id }, socket)
  } catch (error) {
    socket.destroy()
    tell({ type: 'failed', id, why: describeError(error) })
  }
}

function tell(message: FromDialer, socket?: Socket): void {
  if (process.connected) process.send?.(message, socket)
}
