import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ExecError, exec, makeFolder, spawnForGood, systemClock } from '@plexd/runtime'
import { standardRunDir } from '../../disk/namespace-folder.ts'
import { identify, isInOurNetwork, type ProcessIdentity } from '../../process/process-identity.ts'
import { isOwn, listProcesses, titleOf } from '../../process/process-list.ts'
import type { BackstopPlan } from './backstop-text.ts'

/** An `nft -i` that holds a backstop: the table goes with it. */
export interface BackstopProcess extends ProcessIdentity {
  interface: string
  digest: string
}

const title = 'plexd-backstop'

/**
 * Those of this user in this network namespace. They are found by what they are called, and by the namespace they are in,
 * rather than by a file that could be lost or be of another boot.
 */
export async function findBackstops(): Promise<BackstopProcess[]> {
  const found: BackstopProcess[] = []
  for (const pid of await listProcesses()) {
    const backstop = await readBackstop(pid)
    if (backstop && (await isOwn(pid)) && (await isInOurNetwork(pid))) found.push(backstop)
  }
  return found
}

/** Of any process; undefined for one that is none, or gone. */
async function readBackstop(pid: number): Promise<BackstopProcess | undefined> {
  const [word, interfaceName, digest] = titleOf(pid).split(' ')
  if (word !== title || !interfaceName || !digest) return undefined
  const process_ = await identify(pid)
  return process_ && { ...process_, interface: interfaceName, digest }
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
    const started = await readBackstop(child.pid)
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
