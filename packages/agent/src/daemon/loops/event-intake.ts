import type { ActionExecutor } from '../../actions/executor.ts'
import { createStreamConnector } from '../../control/stream/connection.ts'
import { type EventStream, startEventStream } from '../../control/stream/event-stream.ts'
import { createEventVerifier } from '../../control/stream/event-verifier.ts'
import { createStreamMemory, type StreamMemory } from '../../control/stream/memory.ts'
import { type EventTargets, handleEvent } from '../../events/handlers.ts'
import type { Sessions } from '../../sessions/sessions.ts'
import type { Enrolled } from '../stages/enrolled.ts'
import type { StateWays } from './state-loops.ts'

interface Receivers {
  ways: StateWays
  executor: Pick<ActionExecutor, 'request' | 'cancel'>
  sessions: Pick<Sessions, 'setUp' | 'revoke'>
}

/** Follows the control plane's events, and passes each to its handler. Ends with the stack. */
export function startEventIntake(
  node: Enrolled,
  { onConnect, ...receivers }: Receivers & { onConnect: () => void },
  stack: AsyncDisposableStack,
): EventStream {
  const { config, desired, credentials, addresses, clock } = node
  const { limits } = config
  const { signingKeys, onGap } = receivers.ways
  const memory = createStreamMemory(node.database, clock)
  const targets = targetsOf(node, receivers, memory)
  const who = { ...node, ...credentials, lookup: node.names.lookup }
  const stream = stack.use(
    startEventStream({
      ...node,
      connect: createStreamConnector(config, who),
      verify: createEventVerifier(memory, signingKeys, { clock, limits }),
      keys: () => JSON.stringify(signingKeys()),
      memory,
      limits,
      revision: () => desired.current().revision,
      handle: (event, id) => handleEvent(event, id, targets),
      onConnect,
      onGap,
      hasOthers: addresses.places.length > 1,
    }),
  )
  stack.defer(addresses.onMove(() => stream.moveTo(addresses.inUse().apiUrl)))
  return stream
}

function targetsOf(
  { config, requests, log }: Enrolled,
  { ways: { changes, keyRotation }, executor, sessions }: Receivers,
  memory: Pick<StreamMemory, 'forgetCursor'>,
): EventTargets {
  return {
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
}
