import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { exec, type execAny } from '@plexd/runtime'

/**
 * A network namespace with a /run of its own, so that each host can have a `plexd0` and its files, and without name
 * servers, because those of this machine cannot be reached from inside. A file `hosts` in its `runDir` is its /etc/hosts.
 */
export interface Namespace extends AsyncDisposable {
  readonly name: string
  /** Its programs see it as /run. */
  readonly runDir: string
  /** A command that runs the command behind it inside. */
  readonly prefix: readonly ['ip', ...string[]]
  /** Runs a program inside to its end. */
  exec: typeof execAny
  /** Starts a program inside; it ends with the namespace. */
  spawn(command: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess
  /** Lines for `ip -batch`, inside. */
  ip(lines: readonly string[]): Promise<void>
}

/** Prefix of all names; the id of the process that made the namespace follows. */
const everyPrefix = 'plexdlab-'
/** Prefix of the namespaces that this process makes. */
export const ownPrefix = `${everyPrefix}${process.pid}-`

export async function makeNamespace(label: string, folder: string): Promise<Namespace> {
  const name = `${ownPrefix}${label}`
  const runDir = `${folder}/${label}`
  await mkdir(runDir)
  await writeFile(`${runDir}/resolv.conf`, '')
  await exec(['ip', 'netns', 'add', name])
  const mountRun =
    'mount --bind "$0" /run && for file in resolv.conf hosts; do if [ -e "/etc/$file" -a -e "$0/$file" ]; then mount --bind "$0/$file" "/etc/$file"; fi; done && exec "$@"'
  const enter = ['netns', 'exec', name, 'sh', '-c', mountRun, runDir]
  const ip: Namespace['ip'] = async (lines) => {
    await exec(['ip', '-netns', name, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }
  await ip(['link set lo up'])
  return {
    name,
    runDir,
    prefix: ['ip', ...enter],
    ip,
    exec: (command, options) => exec(['ip', ...enter, ...command], options),
    spawn: (command, env = {}) =>
      spawn('ip', [...enter, ...command], { env: { ...process.env, ...env } }),
    [Symbol.asyncDispose]: () => removeNamespace(name),
  }
}

/**
 * Ends all processes inside and removes the namespace. That of a killed test may be removed at once by its janitor and
 * by several tests that start.
 */
async function removeNamespace(name: string): Promise<void> {
  try {
    for (const pid of await pidsIn(name)) killQuietly(pid)
    await exec(['ip', 'netns', 'delete', name])
  } catch (error) {
    if (await isThere(name)) throw error
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended in the meantime.
  }
}

async function isThere(name: string): Promise<boolean> {
  return (await listNamespaces()).includes(name)
}

async function listNamespaces(): Promise<string[]> {
  const lines = (await exec(['ip', 'netns', 'list'])).split('\n')
  return lines.flatMap((line) => line.split(' ')[0] || [])
}

async function pidsIn(name: string): Promise<number[]> {
  return (await exec(['ip', 'netns', 'pids', name])).split('\n').filter(Boolean).map(Number)
}

/**
 * `kill -9`, or another signal, for the programs of a name that run inside. A namespace of the network has none for processes: `pidof`
 * inside would find those of the whole machine.
 */
export async function killIn(
  namespace: Pick<Namespace, 'name'>,
  program: string,
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<void> {
  for (const pid of await programsIn(namespace, program)) process.kill(pid, signal)
}

/** The process ids of the programs of a name that run inside. */
export async function programsIn(
  { name }: Pick<Namespace, 'name'>,
  program: string,
): Promise<number[]> {
  const found: number[] = []
  for (const pid of await pidsIn(name)) {
    const own = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
    if (own.trim() === program) found.push(pid)
  }
  return found
}

/** Removes what a killed test has left behind; those of living processes stay. */
export async function sweepNamespaces(): Promise<void> {
  for (const name of await listNamespaces()) {
    const [, pid] = name.match(new RegExp(`^${everyPrefix}(\\d+)-`)) ?? []
    if (pid !== undefined && !isAlive(Number(pid))) await removeNamespace(name)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Ends a program with SIGKILL; resolves when it has ended. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
