import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { WorkerApi } from './worker/worker-api.ts'

/** A worker, called from another process: each function returns a promise. */
export type RemoteWorker = {
  [Name in keyof WorkerApi]: (
    ...given: Parameters<WorkerApi[Name]>
  ) => Promise<Awaited<ReturnType<WorkerApi[Name]>>>
}

export interface WorkerProcess extends AsyncDisposable {
  readonly api: RemoteWorker
}

interface Reply {
  id: number
  result?: unknown
  error?: string
}

export function startWorkerProcess(): WorkerProcess {
  const child = fork(join(import.meta.dirname, 'worker/worker.ts'), [], {
    serialization: 'advanced',
    execArgv: ['--max-old-space-size=6144'],
    // Ctrl-C must reach only the bench, which then ends its processes in order.
    detached: true,
  })
  const calls = new Map<number, PromiseWithResolvers<unknown>>()
  let lastId = 0
  let over = false
  child.on('message', ({ id, result, error }: Reply) => {
    const call = calls.get(id)
    calls.delete(id)
    if (error === undefined) call?.resolve(result)
    else call?.reject(new Error(`simulated agents: ${error}`))
  })
  const ended = once(child, 'exit').then(([code, signal]) => {
    over = true
    for (const call of calls.values())
      call.reject(new Error(`simulated agents: the process ended with ${signal ?? code}`))
  })
  const send = (method: string, argument: unknown): Promise<unknown> => {
    if (over) return Promise.reject(new Error('simulated agents: the process has ended'))
    const call = Promise.withResolvers<unknown>()
    calls.set(++lastId, call)
    child.send({ id: lastId, method, argument })
    return call.promise
  }
  return {
    // Any name is a call; the type allows those of the worker.
    api: new Proxy({} as RemoteWorker, {
      get: (_, method) => (argument: unknown) => send(String(method), argument),
    }),
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
