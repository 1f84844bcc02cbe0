import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ExecError, exec, makeFolder, spawnForGood, systemClock, type Tool } from '@plexd/runtime'
import { standardRunDir } from '../../disk/namespace-folder.ts'
import { hasSystemd, inScope } from '../../process/outliving.ts'
import { identify, isInOurNetwork, type ProcessIdentity } from '../../process/process-identity.ts'
import { isOwn, listProcesses, titleOf } from '../../process/process-list.ts'
import type { BackstopPlan } from './backstop-text.ts'

/** An `nft -i` process that owns a backstop table: the table disappears with it. */
export interface BackstopProcess extends ProcessIdentity {
  digest: string
}

const title = 'plexd-backstop'

/**
 * The processes of this user for the interface in this network namespace. Found by process name and namespace
 * rather than by a PID file, which could be lost or left over from another boot.
 */
export async function findBackstops(interfaceName: string): Promise<BackstopProcess[]> {
  const found: BackstopProcess[] = []
  for (const pid of await listProcesses()) {
    const backstop = await readBackstop(pid, interfaceName)
    if (backstop && (await isOwn(pid)) && (await isInOurNetwork(pid))) found.push(backstop)
  }
  return found
}

/** Undefined if the process is no backstop of the interface, or does not exist. */
async function readBackstop(
  pid: number,
  interfaceName: string,
): Promise<BackstopProcess | undefined> {
  const [word, name, digest] = titleOf(pid).split(' ')
  if (word !== title || name !== interfaceName || !digest) return undefined
  const process_ = await identify(pid)
  return process_ && { ...process_, digest }
}

/** Resolves when its table is in force. Rejects with nft's ExecError if that is not possible here. */
export async function startBackstop(plan: BackstopPlan): Promise<BackstopProcess> {
  await checkBackstop(plan)
  const name = `${title} ${plan.interface} ${plan.digest}`
  const scope = inScope(`plexd keeps ${plan.interface} shut`)
  // nft knows no other name for itself, and systemd-run gives it none.
  const named = ['bash', '-c', 'exec -a "$0" nft -i', name]
  const inService = hasSystemd() ? await launch(plan, [...scope, ...named]) : undefined
  const started = inService ?? (await launch(plan, ['nft', '-i'], name))
  if (started) return started
  throw new Error(`hold table inet ${plan.table} by "nft -i": it did not take it`)
}

/** Undefined if it did not take the table. */
async function launch(
  plan: BackstopPlan,
  command: readonly [Tool, ...string[]],
  name?: string,
): Promise<BackstopProcess | undefined> {
  await using input = await openEndless()
  const child = spawnForGood(command, { title: name, stdinFd: input.fd })
  await input.write(`${plan.line}\n`)
  const endMs = systemClock.monotonic() + patienceMs
  while (systemClock.monotonic() < endMs && child.pid !== undefined) {
    const started = await readBackstop(child.pid, plan.interface)
    if (started && (await stands(plan))) return started
    if (child.exitCode !== null || child.signalCode !== null) break
    await systemClock.sleep(20)
  }
  child.kill('SIGKILL')
  return undefined
}

const patienceMs = 5_000

/** A dry run. Rejects with an ExecError that says what nft or the kernel does not support. */
export async function checkBackstop({ line }: BackstopPlan): Promise<void> {
  await exec(['nft', '-c', '-f', '-'], { input: `${line}\n` })
}

/** Whether its table exists: it is created atomically with its contents. */
export async function stands({ table }: BackstopPlan): Promise<boolean> {
  try {
    await exec(['nft', 'list', 'table', 'inet', table])
    return true
  } catch (error) {
    if (error instanceof ExecError && error.exitCode !== undefined) return false
    throw error
  }
}

/** A pipe opened for reading and writing in one descriptor: its reader never sees the end, whoever else exits. */
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
