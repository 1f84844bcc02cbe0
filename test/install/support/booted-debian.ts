import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@plexd/runtime/testing'
import { type Output, runToEnd } from '../../../scripts/programs/program.ts'
import { markName } from '../../../scripts/tests/marked.ts'
import { orThrow } from './or-throw.ts'
import { makeCgroup } from './own-cgroup.ts'

export interface BootedDebian extends AsyncDisposable {
  /** Its process 1, as this machine sees it; another one after a reboot. */
  pid(): number
  /** A command that runs the command behind it inside. */
  prefix(): readonly string[]
  /** Runs a line of shell in it, and resolves to what it printed; rejects unless it ends with 0. */
  run(line: string, stdin?: string): Promise<string>
  /** The same, however it ends. */
  attempt(line: string, stdin?: string): Promise<Output>
  /** Resolves when it is up again. */
  reboot(): Promise<void>
}

export interface BootOptions {
  /** A root that lies under this one and stays as it is; what is written goes into `root`. */
  over?: string
  /** Folders of this machine that it can read, and where. */
  sees?: Readonly<Record<string, string>>
  /** Called at each boot with process 1, before that has got far. */
  onBoot?(pid: number): Promise<void>
}

/** systemd as process 1, with a network of its own. Its root is removed with it. */
export async function bootDebian(root: string, options: BootOptions = {}): Promise<BootedDebian> {
  const { over, sees = {}, onBoot } = options
  const merged = over === undefined ? root : join(root, 'merged')
  const nspawn = [
    ...['systemd-nspawn', '--quiet', '--boot', '--register=no', '--keep-unit', '--private-network'],
    ...['--bind=/dev/net/tun', '--capability=all', '--console=pipe', '-D', merged],
    // It gives process 1 an environment of its own: without the mark a machine would outlive a test that is killed.
    `--setenv=${markName}=${process.env[markName]}`,
    ...Object.entries(sees).map((pair) => `--bind-ro=${pair.join(':')}`),
  ]
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(root, { recursive: true, force: true }))
  const cgroup = stack.use(await makeCgroup(`plexd-${randomUUID()}`))
  const [command = '', ...args] = cgroup.wrap(
    over === undefined ? nspawn : await layered(root, over, nspawn),
  )
  let child: ChildProcess
  let pid = 0

  const prefix = (): string[] => [
    'nsenter',
    '-t',
    `${pid}`,
    ...'-m -u -i -n -p -C'.split(' '),
    ...env,
  ]
  const attempt = (line: string, stdin = ''): Promise<Output> => {
    const [enter = '', ...rest] = prefix()
    return runToEnd(enter, [...rest, 'bash', '-c', line], {}, stdin)
  }
  const isUp = async (): Promise<boolean> =>
    /^(running|degraded)$/m.test((await attempt('systemctl is-system-running')).stdout)
  const isOff = (): boolean => child.exitCode !== null || child.signalCode !== null
  async function boot(): Promise<void> {
    child = spawn(command, args, { stdio: 'ignore' })
    pid = await until('process 1 of the container', () => childOf(child), 60_000)
    await onBoot?.(pid)
    await until('a machine that has booted', isUp, 300_000, 200)
  }

  stack.defer(async () => {
    child?.kill('SIGTERM')
    await until('a machine that is off', isOff, 30_000).catch(() => child.kill('SIGKILL'))
  })
  await boot()
  const rest = stack.move()
  return {
    pid: () => pid,
    prefix,
    attempt,
    run: (line, stdin) => orThrow(attempt(line, stdin), line),
    async reboot() {
      await attempt('systemctl reboot')
      // nspawn leaves it to us to start it again.
      await until('a machine that is off', isOff, 120_000)
      await boot()
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

const env = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8']

/** Mounted where nobody else sees it, so it goes with the last process that does. */
async function layered(root: string, over: string, command: string[]): Promise<string[]> {
  for (const folder of ['upper', 'work', 'merged'])
    await mkdir(join(root, folder), { recursive: true })
  const script =
    'mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/merged" && shift 2 && exec "$@"'
  return ['unshare', '--mount', '--', 'sh', '-c', script, 'sh', over, root, ...command]
}

/** nspawn starts others before, which end. */
function childOf({ pid }: ChildProcess): number | undefined {
  const children = readProc(`${pid}/task/${pid}/children`).trim().split(' ')
  const found = children.find((one) => one !== '' && isSystemd(one))
  return found === undefined ? undefined : Number(found)
}

const isSystemd = (pid: string): boolean =>
  /^\S*\/(systemd|init)\0/.test(readProc(`${pid}/cmdline`))

/** Empty for a process that has ended, which can be between finding its file and reading it. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return ''
  }
}
