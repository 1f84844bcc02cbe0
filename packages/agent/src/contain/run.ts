import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { type Clock, spawnSession } from '@plexd/runtime'
import type { OpenPipe } from '../process/pipe.ts'
import { endAll, type FencedProgram, fenceOf, untilEmpty } from './groups/fence.ts'
import { sendSignal } from './groups/group.ts'
import { keepOutput } from './kept-output.ts'
import { type Launch, launchCommand } from './launch/launch.ts'
import type { LaunchTools } from './launch/launch-tools.ts'

export interface RunOptions {
  signal: AbortSignal
  /** Of stdout and stderr each. */
  outputBytes: number
  /** Between SIGTERM and SIGKILL. */
  graceMs: number
}

export interface RunDeps {
  tools: LaunchTools
  /** Undefined if Node has no FFI. */
  openPipe: OpenPipe | undefined
  clock: Clock
}

/** What a program has come to. */
export interface ProgramEnd {
  /** As a shell has it: 128 and the number of the signal, if one ended it. */
  exitCode: number
  killedBy?: NodeJS.Signals
  stdout: string
  stderr: string
  /** Processes that not even SIGKILL has ended, because the kernel waits for a device. */
  left: number[]
}

/** How long output may still come when the program has ended but others that it has started have not. */
const lingerMs = 500

/** Runs it until it and all that it has started have ended. Rejects if it cannot be started. */
export async function runLaunch(
  launch: Launch,
  { signal, outputBytes, graceMs }: RunOptions,
  { tools, openPipe, clock }: RunDeps,
): Promise<ProgramEnd> {
  const started = await start(launch, launchCommand(launch, tools), openPipe)
  const stdout = keepOutput(started.stdout, outputBytes)
  const stderr = keepOutput(started.stderr, outputBytes)
  const refusal = keepOutput(started.refusal, 1_024)
  const closed = Promise.all([stdout.closed, stderr.closed])
  const fence = fenceOf(started.pid, launch.fence === 'cgroup' ? launch.groups[0] : undefined)
  const spare = starterOf(launch, started.pid)
  const ending = endOnAbort(fence, { signal, graceMs, clock, spare })

  const [code, killedBy] = await started.exited
  if (signal.aborted) await untilEmpty(fence, graceMs, clock)
  ending[Symbol.dispose]()
  await within(lingerMs, closed, clock)
  const left = await endAll(fence, clock)
  await within(lingerMs, closed, clock)
  for (const stream of [stdout, stderr, refusal]) stream.close()
  if (refusal.text() !== '') throw new Error(`enter control group ${refusal.text().trim()}`)
  return {
    exitCode: code ?? 128 + (constants.signals[killedBy ?? 'SIGKILL'] ?? 0),
    ...(killedBy ? { killedBy } : {}),
    stdout: stdout.text(),
    stderr: stderr.text(),
    left,
  }
}

interface Started {
  pid: number
  exited: Promise<[code: number | null, signal: NodeJS.Signals | null]>
  stdout: Readable
  stderr: Readable
  /** What the launcher has to say. */
  refusal: Readable
}

async function start(
  { cwd, env }: Launch,
  command: ReturnType<typeof launchCommand>,
  openPipe: OpenPipe | undefined,
): Promise<Started> {
  using writing = new DisposableStack()
  await using reading = new AsyncDisposableStack()
  const [out, err] = [1, 2].map(() => {
    const pipe = openPipe?.()
    if (pipe) reading.defer(() => void pipe.reading.destroy())
    return pipe && writing.use(pipe)
  })
  const outputs = [out?.writingFd ?? 'pipe', err?.writingFd ?? 'pipe'] as const
  const child = await spawnSession(command, { cwd, env, stdio: ['ignore', ...outputs, 'pipe'] })
  const exited = once(child, 'exit') as Started['exited'] // as Node documents it
  const stdout = out?.reading ?? child.stdout
  const stderr = err?.reading ?? child.stderr
  const refusal = child.stdio[3] as Readable | null // it is only read from
  if (child.pid === undefined || !stdout || !stderr || !refusal)
    throw new Error(`run "${command[0]}": no descriptor is free`)
  reading.move()
  return { pid: child.pid, exited, stdout, stderr, refusal }
}

/**
 * What the signals to a program must not end, because it ends the rest at once, or knows how the program ended. podman passes
 * them on to a container that we do not reach.
 */
function starterOf({ fence, sandbox }: Launch, pid: number): number | undefined {
  if (sandbox.kind === 'container') return fence === 'cgroup' ? pid : undefined
  return sandbox.kind !== 'none' || fence === 'pid-namespace' ? pid : undefined
}

interface AbortOptions {
  signal: AbortSignal
  graceMs: number
  clock: Clock
  spare: number | undefined
}

/** When the signal aborts, sends SIGTERM, and SIGKILL after the grace. Disposed of when the program has ended. */
function endOnAbort(
  fence: FencedProgram,
  { signal, graceMs, clock, spare }: AbortOptions,
): Disposable {
  const ended = new AbortController()

  async function end(): Promise<void> {
    const pids = await fence.pids()
    for (const pid of pids) if (pid !== spare) sendSignal(pid, 'SIGTERM')
    await clock.sleep(graceMs, ended.signal)
    await fence.kill()
  }

  const onAbort = (): void => void end().catch(() => {}) // it has ended before
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  return {
    [Symbol.dispose]() {
      signal.removeEventListener('abort', onAbort)
      ended.abort()
    },
  }
}

async function within(ms: number, done: Promise<unknown>, clock: Clock): Promise<void> {
  const enough = new AbortController()
  const late = clock.sleep(ms, enough.signal).catch(() => {}) // done before
  await Promise.race([done, late])
  enough.abort()
}
