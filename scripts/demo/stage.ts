import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const packages = join(dirname(fileURLToPath(import.meta.url)), '../../packages')
const programs = {
  plexctl: join(packages, 'cli/src/main.ts'),
  plexd: join(packages, 'agent/src/main.ts'),
  'control-plane': join(packages, 'control-plane/src/main.ts'),
}

export interface Output {
  code: number
  stdout: string
  stderr: string
}

/** A control plane and agents as real processes in a folder of their own. Disposing ends them and removes the folder. */
export interface Stage extends AsyncDisposable {
  readonly folder: string
  readonly serverUrl: string
  /** Environment in which `plexctl` finds the control plane. */
  readonly environment: Readonly<Record<string, string>>
  socketOf(hostname: string): string
  startAgent(hostname: string, token: string): Promise<void>
  /** Runs a program of ours to its end. */
  run(program: keyof typeof programs, args: readonly string[], stdin?: string): Promise<Output>
}

export async function startStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-demo-'))
  const children: ChildProcess[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(children.toReversed().map(end))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const dataDir = join(folder, 'control-plane')
    const controlPlane = launch(
      'control-plane',
      ['serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0'],
      folder,
    )
    children.push(controlPlane)
    const serverUrl = await announcedUrl(controlPlane)
    const environment = {
      PLEXCTL_SERVER: serverUrl,
      PLEXCTL_CA_FILE: join(dataDir, 'ca.crt'),
      PLEXCTL_TOKEN_FILE: join(dataDir, 'admin-token'),
    }
    const exports = Object.entries(environment).map(
      ([name, value]) => `export ${name}='${value}'\n`,
    )
    await writeFile(join(folder, 'env'), exports.join(''))
    const socketOf = (hostname: string): string => join(folder, hostname, 'api.sock')

    return {
      folder,
      serverUrl,
      environment,
      socketOf,
      async startAgent(hostname, token) {
        const home = join(folder, hostname)
        await mkdir(home)
        await writeFile(join(home, 'token'), token, { mode: 0o600 })
        const agent = launch(
          'plexd',
          [
            'up',
            '--no-mesh',
            '--api',
            serverUrl,
            '--ca-file',
            environment.PLEXCTL_CA_FILE,
            '--token-file',
            join(home, 'token'),
            '--data-dir',
            join(home, 'data'),
            '--socket',
            socketOf(hostname),
            '--hostname',
            hostname,
          ],
          home,
        )
        children.push(agent)
        await exists(socketOf(hostname), agent)
      },
      run: (program, args, stdin) =>
        runToEnd(process.execPath, [programs[program], ...args], environment, stdin),
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Any command to its end. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  stdin = '',
): Promise<Output> {
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: 'pipe' })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.end(stdin)
  const [code] = await once(child, 'close')
  return { code: Number(code), stdout, stderr }
}

/** Logs go to a file, so that the tour stays readable. */
function launch(
  program: keyof typeof programs,
  args: readonly string[],
  home: string,
): ChildProcess {
  const command = `exec "$@" 2>>'${join(home, `${program}.log`)}'`
  // A group of its own: Ctrl-C in the terminal reaches the tour alone, which then ends its children in order.
  return spawn('/bin/sh', ['-c', command, 'sh', process.execPath, programs[program], ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
}

async function announcedUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('start control plane: it has no output')
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /listening on (https:\/\/\S+)/.exec(line) ?? []
    if (url !== undefined) {
      child.stdout.resume()
      return url
    }
  }
  throw new Error('start control plane: it ended before it listened')
}

async function exists(path: string, owner: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (owner.exitCode !== null)
      throw new Error(`start agent: it ended with code ${owner.exitCode}`)
    try {
      return await access(path)
    } catch {
      await delay(50)
    }
  }
  throw new Error(`start agent: no socket "${path}" after 15 s`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'exit')
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await closed
  clearTimeout(force)
}
