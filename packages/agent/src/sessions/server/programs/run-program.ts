import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { spawnSession } from '@plexd/runtime'
import { sendSignal } from '../../../contain/groups/group.ts'
import type { SharedFence } from '../../../contain/shared-fence.ts'
import type { OpenPipe } from '../../../process/pipe.ts'
import type { Account } from '../../authorisation/accounts.ts'
import type { OpenPty, Terminal, TerminalSize } from './pty.ts'

export interface SessionProgram {
  argv: readonly [string, ...string[]]
  account: Account
  env: Readonly<Record<string, string>>
  terminal: Terminal | undefined
}

export interface ProgramExit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface RunningProgram {
  pid: number
  stdin: Writable
  stdout: Readable
  /** With a terminal it is a part of stdout. */
  stderr: Readable | undefined
  /** Of the terminal, such as `/dev/pts/3`. */
  terminalPath: string | undefined
  exited: Promise<ProgramExit>
  resize(size: TerminalSize): void
  /** To all of its process group. A signal that no client may send, or that comes too late, does nothing. */
  signal(name: string): void
}

export interface ProgramDeps {
  fence: SharedFence
  openPty: OpenPty
  openPipe: OpenPipe
}

/** As the user, in its home folder if the user may enter that. */
const homeScript = 'cd -- "$HOME" 2>/dev/null || cd /; unset OLDPWD; exec "$@"'

/** Starts it as its user. Rejects if that fails. */
export function runProgram(program: SessionProgram, deps: ProgramDeps): Promise<RunningProgram> {
  return program.terminal
    ? runInTerminal(program, program.terminal, deps)
    : runWithPipes(program, deps)
}

async function runInTerminal(
  { argv, account, env }: SessionProgram,
  terminal: Terminal,
  { fence, openPty }: ProgramDeps,
): Promise<RunningProgram> {
  const command = await fence.command({
    ...{ program: 'setsid', args: ['--ctty', 'sh', '-c', homeScript, 'plexd-session', ...argv] },
    ...{ env, user: account },
  })
  using pty = openPty(account.uid, terminal)
  const { slaveFd, master, path, resize } = pty
  const stdio = [slaveFd, slaveFd, slaveFd, slaveFd]
  // setsid(1) makes a session only if it leads none.
  const child = await spawnSession(command, { cwd: '/', env, stdio, detached: false }).catch(
    (error: unknown) => {
      master.destroy()
      throw error
    },
  )
  return {
    ...controlled(child, fence),
    stdin: master as unknown as Writable, // a terminal is written to as well, which its type does not say
    stdout: master,
    stderr: undefined,
    terminalPath: path,
    resize: (size) => !master.destroyed && resize(size),
  }
}

async function runWithPipes(
  { argv, account, env }: SessionProgram,
  { fence, openPipe }: ProgramDeps,
): Promise<RunningProgram> {
  const command = await fence.command({
    ...{ program: 'sh', args: ['-c', homeScript, 'plexd-session', ...argv] },
    ...{ env, user: account },
  })
  using out = openPipe()
  using err = openPipe()
  const stdio = ['pipe' as const, out.writingFd, err.writingFd, err.writingFd]
  const child = await spawnSession(command, { cwd: '/', env, stdio }).catch((error: unknown) => {
    out.reading.destroy()
    err.reading.destroy()
    throw error
  })
  const { stdin } = child
  if (!stdin) throw new Error(`run "${argv[0]}": no descriptor is free`)
  return {
    ...controlled(child, fence),
    stdin,
    stdout: out.reading,
    stderr: err.reading,
    terminalPath: undefined,
    resize: () => {},
  }
}

type Child = Awaited<ReturnType<typeof spawnSession>>

function controlled(
  child: Child,
  fence: SharedFence,
): Pick<RunningProgram, 'pid' | 'exited' | 'signal'> {
  const pid = child.pid ?? 0 // it has started
  fence.add(pid)
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  return {
    pid,
    exited,
    signal(name) {
      const isRunning = child.exitCode === null && child.signalCode === null
      if (isRunning && sendable.has(name)) sendSignal(-pid, `SIG${name}` as NodeJS.Signals) // of the set
    },
  }
}

/** RFC 4254 section 6.10. */
const sendable: ReadonlySet<string> = new Set(
  ['ABRT', 'ALRM', 'FPE', 'HUP', 'ILL', 'INT', 'KILL', 'PIPE', 'QUIT', 'SEGV', 'TERM', 'USR1']
    .concat('USR2')
    .filter((name) => `SIG${name}` in constants.signals),
)
