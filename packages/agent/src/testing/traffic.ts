import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Namespace } from './namespace.ts'
import type { TrafficAnswer, TrafficCall } from './traffic-process.ts'

/** A process in a namespace that speaks TCP and UDP for a test. Ports answer with what they hear. A call that cannot be done rejects. */
export interface Traffic extends AsyncDisposable {
  /** Answers on TCP and UDP. */
  listen(address: string, port: number): Promise<void>
  /** Whether a new flow to there gets an answer, also late: the machine may be busy, the peers may have to shake hands. */
  reaches(protocol: 'tcp' | 'udp', address: string, port: number): Promise<boolean>
  /** The same; resolves to why not, or to nothing. */
  failure(protocol: 'tcp' | 'udp', address: string, port: number): Promise<string>
  /** Whether a new flow to there gets no answer for a while. */
  isKeptFrom(protocol: 'tcp' | 'udp', address: string, port: number): Promise<boolean>
  /** Opens a TCP connection that stays. */
  open(address: string, port: number): Promise<void>
  /** Whether the connection that stays still answers, also late. */
  answers(): Promise<boolean>
  /** Whether the connection that stays gives no answer for a while. */
  isCut(): Promise<boolean>
  /** Sends numbered UDP packets from one port and counts the answers, until asked for the counts. */
  startFlood(address: string, port: number, packetsPerSecond: number): Promise<void>
  stopFlood(): Promise<{ sent: number; answered: number }>
}

/** On a cable without delay an answer that is prompt takes no longer. */
const promptMs = 400
const lateMs = 10_000

export async function startTraffic(namespace: Pick<Namespace, 'enter'>): Promise<Traffic> {
  const script = fileURLToPath(new URL('./traffic-process.ts', import.meta.url))
  const [program, ...args] = namespace.enter
  const child = spawn(program, [...args, process.execPath, script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let last = 0
  child.on('message', ({ id, result, error }: TrafficAnswer) => {
    if (error === undefined) waiting.get(id)?.resolve(result)
    else waiting.get(id)?.reject(new Error(error))
    waiting.delete(id)
  })
  void ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('send traffic: its process ended'))
  })
  async function call<Result>(...call: TrafficCall): Promise<Result> {
    const id = ++last
    const answer = Promise.withResolvers<unknown>()
    waiting.set(id, answer)
    child.send({ id, call })
    return (await answer.promise) as Result // the other side is the file beside this one
  }
  return {
    listen: (address, port) => call('listen', address, port),
    reaches: async (...flow) => (await call<string>('fail', lateMs, ...flow)) === '',
    failure: (...flow) => call('fail', lateMs, ...flow),
    isKeptFrom: async (...flow) => (await call<string>('fail', promptMs, ...flow)) !== '',
    open: (address, port) => call('open', address, port),
    answers: () => call('answers', lateMs),
    isCut: async () => !(await call<boolean>('answers', promptMs)),
    startFlood: (address, port, rate) => call('startFlood', address, port, rate),
    stopFlood: () => call('stopFlood'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
