import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeClock, type FakeClock } from '@plexd/runtime/testing'
import type { Command } from 'commander'
import { createProgram } from '../program.ts'
import type { Streams } from '../terminal/streams.ts'
import { type AdminServer, type Reply, startAdminServer } from './admin-server.ts'
import { createFakeStreams } from './fake-streams.ts'

export interface Run {
  stdout: string
  stderr: string
  /** That of the program on a node, if there was one. */
  exitCode?: number
}

/** plexctl beside a scripted control plane, with a folder of its own. */
export interface Bench extends AsyncDisposable {
  server: AdminServer
  clock: FakeClock
  /** Where `file` writes, and where the config file is looked for. */
  folder: string
  file(name: string, content: string | Uint8Array): Promise<string>
  /** Runs a command line in this process; rejects as the command does. */
  run(argv: readonly string[], options?: RunOptions): Promise<Run>
}

export interface RunOptions {
  stdin?: string | Uint8Array
  /** Whether stdin and stderr are a terminal. */
  tty?: boolean
  env?: Record<string, string>
  signal?: AbortSignal
  /** Sees the output as it is written. */
  onStdout?: (text: string) => void
  streams?: Streams
}

export async function startBench(
  replies: Readonly<Record<string, Reply | Reply[]>> = {},
): Promise<Bench> {
  const server = await startAdminServer(replies)
  const folder = await mkdtemp(join(tmpdir(), 'plexctl-'))
  const clock = createFakeClock()
  const file = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), content, { mode: 0o600 })
    return join(folder, name)
  }
  const settings = {
    XDG_CONFIG_HOME: folder,
    PLEXCTL_SERVER: server.url,
    PLEXCTL_TOKEN_FILE: await file('token', 'plx_admin_test\n'),
  }

  async function run(argv: readonly string[], options: RunOptions = {}): Promise<Run> {
    const written: Run = { stdout: '', stderr: '' }
    const program = createProgram({
      env: { ...settings, ...options.env },
      stdin: Object.assign(once(options.stdin ?? ''), { isTTY: options.tty === true }),
      stdout: {
        write(text) {
          written.stdout += text
          options.onStdout?.(text)
        },
      },
      stderr: {
        write(text) {
          written.stderr += text
        },
        isTTY: options.tty === true,
      },
      clock,
      interrupted: () => options.signal ?? new AbortController().signal,
      streams: () => options.streams ?? createFakeStreams(),
      endWith(exitCode) {
        written.exitCode = exitCode
      },
    })
    throwInsteadOfExit(program)
    try {
      await program.parseAsync(['--insecure-http', ...argv], { from: 'user' })
    } catch (error) {
      throw Object.assign(error as Error, written) // what was printed is part of what went wrong
    }
    return written
  }

  return {
    server,
    clock,
    folder,
    file,
    run,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

async function* once(content: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content)
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) throwInsteadOfExit(child)
}
