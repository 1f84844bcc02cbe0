import { readFileSync } from 'node:fs'
import { type FileHandle, open, readdir, readlink, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ExecError, exec, makeFolder, spawnForGood, systemClock } from '@plexd/runtime'
import { standardRunDir } from '../wireguard/device-record.ts'
import type { BackstopPlan } from './backstop-text.ts'

/** An `nft -i` that holds a backstop: the table goes with it. */
export interface BackstopProcess {
  pid: number
  /** When it started, in ticks since the machine did: with it a process id is nobody else's. */
  startTicks: string
  interface: string
  digest: string
}

const title = 'plexd-backstop'

/**
 * Those of this user in this network namespace. They are found by what they are called, and by the namespace they are in,
 * rather than by a file that could be lost or be of another boot.
 */
export async function findBackstops(): Promise<BackstopProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = pids.flatMap((pid) => readBackstop(pid) ?? [])
  const own = await readlink('/proc/self/ns/net')
  const isOurs = await Promise.all(
    found.map(async ({ pid }) => {
      const [net, { uid }] = await Promise.all([
        readlink(`/proc/${pid}/ns/net`).catch(() => ''),
        stat(`/proc/${pid}`).catch(() => ({ uid: -1 })),
      ])
      return net === own && uid === process.getuid?.()
    }),
  )
  return found.filter((_, index) => isOurs[index])
}

/** Of any process; undefined for one that is none, or gone. */
function readBackstop(pid: number): BackstopProcess | undefined {
  const [name = ''] = read(`/proc/${pid}/cmdline`).split('\0')
  const [word, interfaceName, digest] = name.split(' ')
  const startTicks = readStart(pid)
  if (word !== title || !interfaceName || !digest || startTicks === undefined) return undefined
  return { pid, startTicks, interface: interfaceName, digest }
}

/** Whether it still runs; as cheap as one look at a file. */
export function isRunning({ pid, startTicks }: BackstopProcess): boolean {
  return readStart(pid) === startTicks
}

/** Undefined for a process that has ended, also where its parent has not heard of it yet. */
function readStart(pid: number): string | undefined {
  // The name, in brackets, may hold anything: proc_pid_stat(5), from the third field on.
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ')
  return 'ZX'.includes(fields[0] ?? '') ? undefined : fields[19]
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Resolves when its table is in force. Rejects with an ExecError of nft where that is not possible here. */
export async function startBackstop(plan: BackstopPlan): Promise<BackstopProcess> {
  await checkBackstop(plan)
  await using input = await openEndless()
  const child = spawnForGood(['nft', '-i'], {
    title: `${title} ${plan.interface} ${plan.digest}`,
    stdinFd: input.fd,
  })
  await input.write(`${plan.line}\n`)
  const endMs = systemClock.monotonic() + patienceMs
  while (systemClock.monotonic() < endMs && child.pid !== undefined) {
    const started = readBackstop(child.pid)
    if (started && (await stands(plan))) return started
    if (child.exitCode !== null || child.signalCode !== null) break
    await systemClock.sleep(20)
  }
  child.kill('SIGKILL')
  throw new Error(`hold table inet ${plan.table} by "nft -i": it did not take it`)
}

const patienceMs = 5_000

/** Changes nothing. Rejects with an ExecError that says what nft or the kernel does not know. */
export async function checkBackstop({ line }: BackstopPlan): Promise<void> {
  await exec(['nft', '-c', '-f', '-'], { input: `${line}\n` })
}

/** Whether its table is there: it came at once, with all that is in it. */
export async function stands({ table }: BackstopPlan): Promise<boolean> {
  try {
    await exec(['nft', 'list', 'table', 'inet', table])
    return true
  } catch (error) {
    if (error instanceof ExecError && error.exitCode !== undefined) return false
    throw error
  }
}

export async function endBackstop(backstop: BackstopProcess): Promise<void> {
  // The start is looked at right before: a process id may be another's by now.
  if (!isRunning(backstop)) return
  process.kill(backstop.pid, 'SIGKILL')
  const endMs = systemClock.monotonic() + patienceMs
  while (isRunning(backstop) && systemClock.monotonic() < endMs) await systemClock.sleep(5)
}

/** A pipe with both ends in one descriptor: who reads from it never finds its end, whoever else is gone. */
async function openEndless(): Promise<FileHandle> {
  makeFolder(standardRunDir)
  const path = join(standardRunDir, `${crypto.randomUUID()}.pipe`)
  await exec(['mkfifo', '-m', '600', path])
  try {
    return await open(path, 'r+')
  } finally {
    await rm(path)
  }
}
