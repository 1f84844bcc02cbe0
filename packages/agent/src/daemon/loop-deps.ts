import { describeFailure } from '../control/failure.ts'
import type { Enrolled } from './enrolled.ts'

/** The dependencies of most loops. */
export function loopDepsOf({ client, identity, config, clock, log, vitals, problems }: Enrolled) {
  return {
    client,
    nodeId: identity.current().node_id,
    describe: (error: unknown): string => describeFailure(error, config),
    vitals,
    problems,
    clock,
    log,
  }
}
