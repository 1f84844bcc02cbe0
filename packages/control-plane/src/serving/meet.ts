import type { Environment, Installation } from '../app.ts'
import type { Job } from '../jobs/periodic.ts'
import type { Servers } from './servers.ts'

type Meeting = Environment & Pick<Installation, 'controlPlanes'>

/**
 * Looks which control planes share the database. While this one waits for its turn, connections go to the one that serves; while it serves,
 * its certificate has the names of the others as well, because what comes to them comes on to it.
 */
export async function meetOthers(environment: Meeting, servers: Servers): Promise<void> {
  const { serving, hasNewNames } = await environment.controlPlanes.meet()
  const why = environment.notServing()
  if (why === 'waiting' && serving) servers.passOnTo(serving)
  else if (why !== 'waiting') servers.passOnTo(undefined)
  if (hasNewNames && why === undefined) await environment.refreshCertificate()
}

export const meeting = (environment: Meeting, servers: Servers): Job => ({
  name: 'meet the other control planes',
  everyMs: 500,
  run: () => meetOthers(environment, servers),
})
