import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import type { AdminApi, Client } from '@plexd/protocol'
import type { ControlPlaneProcess } from '../../scripts/programs/control-plane.ts'
import { runProgram, runToEnd } from '../../scripts/programs/program.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'

/** For whom a backup is encrypted, as options of our program; nobody where `age-keygen` is not installed. */
export interface BackupKey {
  forWriting: readonly string[]
  forReading: readonly string[]
}

export async function makeKey(folder: string): Promise<BackupKey> {
  const file = join(folder, 'backup.key')
  const made = await runToEnd('age-keygen', ['-o', file]).catch(() => undefined)
  const [recipient] = /age1\w+/.exec(made?.stderr ?? '') ?? []
  if (recipient === undefined) return { forWriting: ['--unencrypted'], forReading: [] }
  return { forWriting: ['--recipient', recipient], forReading: ['--identity-file', file] }
}

/** Resolves to how long it took, in milliseconds, with the start of the program. */
export async function backUp(
  { dataDir }: Pick<ControlPlaneProcess, 'dataDir'>,
  file: string,
  { forWriting }: BackupKey,
): Promise<number> {
  return timed(['backup', 'create', '--data-dir', dataDir, '--out', file, ...forWriting])
}

/** Restores to `folder`/control-plane, with the master key and the token of the operator, who kept both; resolves to the same. */
export async function restoreTo(
  folder: string,
  file: string,
  { lost, key }: { lost: Pick<ControlPlaneProcess, 'dataDir' | 'adminTokenFile'>; key: BackupKey },
): Promise<number> {
  const dataDir = join(folder, 'control-plane')
  const masterKey = join(lost.dataDir, 'master.key')
  const ms = await timed([
    ...['restore', file, '--data-dir', dataDir, '--master-key-file', masterKey, ...key.forReading],
  ])
  await copyFile(lost.adminTokenFile, join(dataDir, 'admin-token'))
  return ms
}

async function timed(args: readonly string[]): Promise<number> {
  const startMs = monotonicMs()
  const { code, stderr } = await runProgram('control-plane', args)
  if (code !== 0) throw new Error(`${args[0]}: ${stderr}`)
  return monotonicMs() - startMs
}

/** An operator who makes one change after another. */
export interface Writing extends AsyncDisposable {
  /** The keys of the data entries that the control plane has acknowledged. */
  acknowledged(): string[]
}

/** Ends when a change fails, as it does when the control plane is killed. */
export function startWriting(admin: Client<AdminApi>, prefix: string): Writing {
  const keys: string[] = []
  let isWanted = true
  async function write(): Promise<void> {
    const body = { target: { selector: '*' }, content_type: 'text/plain', payload: 'x' }
    while (isWanted) {
      const key = `${prefix}-${keys.length}`
      await admin.putData({ params: { key }, body })
      keys.push(key)
    }
  }
  const ended = write().catch(() => {})
  return {
    acknowledged: () => [...keys],
    async [Symbol.asyncDispose]() {
      isWanted = false
      await ended
    },
  }
}

/** The keys of all data entries. */
export function keysIn({ dataDir }: Pick<ControlPlaneProcess, 'dataDir'>): Set<string> {
  using database = new DatabaseSync(join(dataDir, 'control-plane.db'), { readOnly: true })
  const rows = database.prepare('select key from data_entries').all()
  return new Set(rows.map(({ key }) => String(key)))
}

const patienceMs = 180_000

/** Until every agent has an open stream and was shown since then that its state is the newest; resolves to when the last was. */
export async function untilCurrent(fleet: Fleet, sinceMs: number): Promise<number> {
  for (;;) {
    const { current, lastCurrentMs } = await fleet.progress(sinceMs)
    if (current === fleet.size) return lastCurrentMs
    if (monotonicMs() - sinceMs > patienceMs)
      throw new Error(`wait for the fleet: ${current} of ${fleet.size} agents are current`)
    await delay(50)
  }
}
