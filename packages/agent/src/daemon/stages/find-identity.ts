import type { Capabilities } from '@plexd/protocol'
import { diskFault } from '@plexd/runtime'
import { createAnswerGate } from '../../control/client/answer-gate.ts'
import type { Disk } from '../../disk/disk.ts'
import { createIdentityStore, type IdentityStore, loadIdentity } from '../../identity/identity.ts'
import { loadAnnouncement } from '../../installation/announcement-file.ts'
import { ensureAuthority } from '../../registration/authority.ts'
import { atRegistration, createCapabilityMark } from '../../registration/capabilities.ts'
import { enrol } from '../../registration/enrol.ts'
import { settleUsed } from '../../registration/used-files.ts'
import type { AgentDeps, Core } from './core.ts'

/** The stored identity; without one the node is enrolled, with retries for as long as necessary. */
export async function findIdentity(
  core: Core,
  capabilities: Capabilities,
  { env = process.env, signal, remember }: AgentDeps,
): Promise<IdentityStore> {
  const { config, addresses, database, desired, disk, problems, clock, log } = core
  const tryingOn =
    (what: string) =>
    (reason: string): void =>
      problems.set('enrolment', `${what}, still trying: ${reason}`)
  const saved = await loadIdentity(config.dataDir, config.hostname)
  if (saved) {
    const onRetry = tryingOn('the authority of the control plane has to be fetched again')
    // An announcement has put into the file what is to be trusted now.
    if (!loadAnnouncement(config.dataDir, log))
      await ensureAuthority({
        config,
        addresses,
        clock,
        log,
        onRetry,
        ...(signal ? { signal } : {}),
      })
    problems.clear('enrolment')
    await settleUsed(config, log)
    return createIdentityStore(config.dataDir, saved, disk.failed)
  }
  const gate = createAnswerGate()
  const identity = await onceThereIsRoom(disk, signal, () =>
    enrol({
      gate,
      addresses,
      config,
      capabilities,
      env,
      desired,
      onRetry: tryingOn('not registered yet'),
      clock,
      log,
      ...(signal ? { signal } : {}),
      ...(remember ? { remember } : {}),
    }),
  )
  problems.clear('enrolment')
  try {
    createCapabilityMark(database, gate.life).setSent(atRegistration(capabilities))
  } catch (error) {
    if (diskFault(error) === undefined) throw error // otherwise they are sent once more
  }
  return createIdentityStore(config.dataDir, identity, disk.failed)
}

/** If the disk does not take the result, the registration is repeated: the control plane recognises the key. */
async function onceThereIsRoom<T>(
  disk: Disk,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (diskFault(error) === undefined) throw error
      disk.failed(error)
      await disk.room(signal)
    }
  }
}
