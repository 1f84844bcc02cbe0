import type { ActionExecutor } from '../../actions/executor.ts'
import { createStreamConnector } from '../../control/stream/connection.ts'
import { type EventStream, startEventStream } from '../../control/stream/event-stream.ts'
import { createEventVerifier } from '../../control/stream/event-verifier.ts'
import { createStreamMemory } from '../../control/stream/memory.ts'
import { type EventTargets, handleEvent } from '../../events/handlers.ts'
import type { Sessions } from '../../sessions/sessions.ts'
import type { Enrolled } from '../stages/enrolled.ts'
import type { StateWays } from './state-loops.ts'

/** Follows the control plane's events, and passes each to its handler. Ends with the stack. */
export function startEventIntake(
  node: Enrolled,
  {
    ways,
    executor,
    sessions,
    onConnect,
  }: {
    ways: StateWays
    executor: Pick<ActionExecutor, 'request' | 'cancel'>
    sessions: Pick<Sessions, 'setUp' | 'revoke'>
    onConnect: () => void
  },
  stack: AsyncDisposableStack,
): EventStream {
  const { config, database, desired, requests, credentials, clock, log } = node
  const { changes, keyRotation, signingKeys, onGap } = ways
  const memory = createStreamMemory(database, clock)
  const targets: EventTargets = {
    foldState: changes.foldState,
    passBy: changes.passBy,
    async resync(reason, withinMs) {
      log.info('state is pulled whole', { reason })
      // The cursor may be ahead of a restored log, so take the event's own id as the position.
      memory.forgetCursor()
      await changes.invalidate()
      requests.ask({ whole: true, withinMs })
    },
    executor,
    sessions,
    keyRotation,
    limits: config.limits,
    unknownTypes: new Set(),
    log,
  }
  const { lookup } = node.names
  const who = { ...node, ...credentials, lookup }
  return stack.use(
    startEventStream({
      ...node,
      connect: createStreamConnector(config, who),
      verify: createEventVerifier(memory, signingKeys, { clock, limits: config.limits }),
      keys: () => JSON.stringify(signingKeys()),
      memory,
      limits: config.limits,
      revision: () => desired.current().revision,
      handle: (event, id) => handleEvent(event, id, targets),
      onConnect,
      onGap,
    }),
  )
}
