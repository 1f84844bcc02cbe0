import type { EventRecord } from '@plexd/protocol'

/** An event as it came to a node: verified, in the order of arrival. */
export interface Delivery {
  /** Empty for one that was sent again out of its turn. */
  id: string
  event_id: string
  event_type: string
  nonce: string
  payload: unknown
}

/**
 * What is wrong with what a node was sent, against the log of what was addressed to it; empty when each event came
 * once and in order. An action request may come again without an id, and may be missing once it is answered: there is
 * nothing left to be told (wire contract 3.6). `afterId` is where the node's first stream began.
 */
export function ledgerFaults(
  deliveries: readonly Delivery[],
  {
    log,
    afterId,
    answered,
  }: { log: readonly EventRecord[]; afterId: string; answered: ReadonlySet<string> },
): string[] {
  const inTurn = deliveries.filter(({ id }) => id !== '')
  const outOfTurn = deliveries.filter(({ id }) => id === '')
  const owed = log.filter(({ id }) => sequenceOf(id) > sequenceOf(afterId))
  const seen = new Map(inTurn.map((delivery) => [placeOf(delivery.id), delivery]))
  const known = new Set(log.map(({ event_id }) => event_id))
  return [
    ...orderFaults(inTurn),
    ...repeated(deliveries.map(({ nonce }) => nonce)).map((nonce) => `nonce "${nonce}" came twice`),
    ...owed.flatMap((event) => {
      const delivery = seen.get(event.id)
      if (delivery?.event_id === event.event_id) return []
      if (delivery) return [`${event.id} came as "${delivery.event_id}"`]
      return isAnswered(event, answered) ? [] : [`${event.id} ${event.event_type} never came`]
    }),
    ...inTurn.flatMap(({ id, event_type, event_id }) =>
      known.has(event_id) ? [] : [`${id} ${event_type} is not in the log`],
    ),
    ...outOfTurn.flatMap(({ event_type, event_id }) =>
      event_type === 'action_request' && known.has(event_id)
        ? []
        : [`${event_type} "${event_id}" came out of its turn`],
    ),
  ]
}

/** Without the mark of a cursor that is no revision. */
function placeOf(id: string): string {
  return id.replace(/-c$/, '')
}

/** `<epoch>-<sequence>-…`; 0 for the empty id. */
export function sequenceOf(id: string): number {
  return Number(id.split('-')[1] ?? 0)
}

function orderFaults(deliveries: readonly Delivery[]): string[] {
  return deliveries.flatMap(({ id }, index) => {
    const before = deliveries[index - 1]
    return before && sequenceOf(id) <= sequenceOf(before.id)
      ? [`${id} came behind ${before.id}`]
      : []
  })
}

function repeated(texts: readonly string[]): string[] {
  const seen = new Set<string>()
  return texts.filter((text) => seen.size === seen.add(text).size)
}

function isAnswered({ event_type, payload }: EventRecord, answered: ReadonlySet<string>): boolean {
  const { execution_id = '' } = payload as { execution_id?: string } // an object for every type
  return event_type === 'action_request' && answered.has(execution_id)
}
