import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/** A network namespace of our own, where a test may do to the network what it likes. */
export interface Namespace extends Disposable {
  name: string
  /** What makes a program run in it. */
  enter: readonly ['ip', ...string[]]
  /** Runs a program in it and returns what it printed; each line of `input` on stdin. */
  run(command: string, input?: string): string
  /** Starts a program in it; the caller ends it. */
  start(command: readonly string[]): ChildProcess
}

/** Why this machine cannot run such tests, in one line; undefined when it can. */
export function whyNoNamespaces(programs: readonly string[] = ['ip', 'nft']): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  for (const program of programs) {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
    } catch {
      return `${program} is not installed`
    }
  }
  try {
    createNamespace()[Symbol.dispose]()
    return undefined
  } catch {
    return 'network namespaces cannot be made here'
  }
}

/** Its loopback is up; all else is the test's to make. */
export function createNamespace(): Namespace {
  const name = `plexd-test-${process.pid}-${randomBytes(4).toString('hex')}`
  execFileSync('ip', ['netns', 'add', name], { stdio: 'pipe' })
  const enter: Namespace['enter'] = ['ip', 'netns', 'exec', name]
  const [program, ...args] = enter
  const namespace: Namespace = {
    name,
    enter,
    run: (command, input = '') =>
      execFileSync(program, [...args, 'sh', '-ec', command], { input, stdio: 'pipe' }).toString(),
    start: (command) => spawn(program, [...args, ...command], { stdio: 'pipe' }),
    [Symbol.dispose]: () => void execFileSync('ip', ['netns', 'delete', name]),
  }
  namespace.run('ip link set lo up')
  return namespace
}

/** A cable between two namespaces. */
export function connect(
  a: { namespace: Namespace; device: string; address: string },
  b: { namespace: Namespace; device: string; address: string },
): void {
  a.namespace.run(
    `ip link add ${a.device} type veth peer name ${b.device} netns ${b.namespace.name}`,
  )
  for (const { namespace, device, address } of [a, b])
    namespace.run(`ip address add ${address} dev ${device}; ip link set ${device} up`)
}
