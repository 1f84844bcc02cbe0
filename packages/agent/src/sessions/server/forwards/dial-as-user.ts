import type { Socket } from 'node:net'
import { spawnSession, toolPath } from '@plexd/runtime'
import type { SharedFence } from '../../../contain/shared-fence.ts'
import type { Account } from '../../authorisation/accounts.ts'
import type { FromDialer, ToDialer } from './dial-messages.ts'

/** What starts the process that connects: this program, with its hidden command for that. */
export interface DialerProgram {
  program: string
  args: readonly string[]
}

/** Connects as the user of a session. Rejects with what the system says. */
export type DialAsUser = (host: string, port: number) => Promise<Socket>

/** The process that does it starts with the first call. */
export function createDialAsUser(
  account: Account,
  fence: SharedFence,
  program: DialerProgram,
): DialAsUser {
  let dialer: Promise<Dialer> | undefined

  function start(): Promise<Dialer> {
    const started = startDialer(account, fence, program, forget)
    // The next call tries again.
    started.catch(forget)
    return started

    function forget(): void {
      if (dialer === started) dialer = undefined
    }
  }

  return async (host, port) => {
    dialer ??= start()
    const { dial } = await dialer
    return await dial(host, port)
  }
}

interface Dialer {
  dial: DialAsUser
}

async function startDialer(
  account: Account,
  fence: SharedFence,
  program: DialerProgram,
  onExit: () => void,
): Promise<Dialer> {
  const waiting = new Map<number, PromiseWithResolvers<Socket>>()
  const started = Promise.withResolvers<void>()
  let count = 0
  const env = { PATH: toolPath() }
  const command = await fence.command({ ...program, env, user: undefined })
  // Descriptor 3 is that on which the fence says why it cannot be entered.
  const stdio = ['ignore', 'ignore', 'inherit', 2, 'ipc'] as const
  const child = await spawnSession(command, { cwd: '/', env, stdio: [...stdio] })
  fence.add(child.pid ?? 0)

  function fail(): void {
    onExit()
    const error = new Error('the process that connects has ended')
    started.reject(error)
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }

  child.on('message', (message, socket) => {
    const told = message as FromDialer // our own program
    if (told.type === 'ready') return started.resolve()
    const asked = waiting.get(told.id)
    waiting.delete(told.id)
    if (told.type === 'failed') asked?.reject(new Error(told.why))
    else if (asked && socket) asked.resolve(socket as Socket)
    else (socket as Socket | undefined)?.destroy()
  })
  child.once('exit', fail)
  child.on('error', fail)
  const tell = (message: ToDialer): void => void child.send(message)
  const { name, uid, gid, groups } = account
  tell({ type: 'become', name, uid, gid, groups })
  await started.promise
  return {
    dial(host, port) {
      const asked = Promise.withResolvers<Socket>()
      const id = ++count
      waiting.set(id, asked)
      tell({ type: 'dial', id, host, port })
      return asked.promise
    },
  }
}
