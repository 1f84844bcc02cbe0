import { ApiError, type Client, type ControlApi, type NodeState } from '@plexd/protocol'
import { foldEvent } from '@plexd/runtime/testing'
import { type EventReader, openEventReader, type ReceivedBlock } from './event-reader.ts'
import { newPublicKey, type TestControlPlane } from './harness.ts'

/**
 * A node of somebody else's making: it takes the id of whatever event it has come to for the revision of its state, keeps
 * the cursor apart from that, and names no revision when it opens a stream. Reading is a step of its own, so that anything
 * may happen between an event's arrival and its effect.
 */
export interface Wanderer extends AsyncDisposable {
  readonly id: string
  state(): NodeState | undefined
  open(options: { fresh: boolean }): Promise<void>
  close(): Promise<void>
  /** Folds in all that was addressed to it until now. */
  read(): Promise<void>
  isOpen(): boolean
  /** What it should have. */
  desired(): Promise<NodeState>
  /** Conditional, by the revision that it believes to have. */
  pull(): Promise<void>
  /** Pulls if it is told to. */
  heartbeat(): Promise<void>
  /** At most three times since `settle`: who rotates more often behind a backup has lost what that knows. */
  rotate(): Promise<void>
  settle(): void
  /** The control plane is another process by now. */
  moveTo(plane: TestControlPlane): Promise<void>
}

export async function createWanderer(
  first: TestControlPlane,
  { hostname, knowsResync }: { hostname: string; knowsResync: boolean },
): Promise<Wanderer> {
  let plane = first
  const { node_id: id, token } = await plane.enrol(hostname)
  let tokens = [token]
  let state: NodeState | undefined
  let revision = ''
  let cursor = ''
  let reader: EventReader | undefined
  let startSeq = -1
  let taken = 0
  let rotations = 0

  /** With the token that it has, or those before that. */
  async function call<T>(run: (api: Client<ControlApi>) => Promise<T>): Promise<T> {
    let refusal: unknown
    for (const token of tokens)
      try {
        const answer = await run(plane.clientFor(token))
        if (token !== tokens[0]) rotations = 0
        tokens = [token, ...tokens.filter((other) => other !== token)]
        return answer
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 401)) throw error
        refusal = error
      }
    throw refusal
  }

  async function pull(): Promise<void> {
    const headers: Record<string, string> =
      revision === '' ? {} : { 'if-none-match': `"${revision}"` }
    const { status, body } = await call((api) => api.getState({ params: { node_id: id }, headers }))
    if (status === 304) return
    state = body
    revision = body.revision ?? ''
  }

  async function take(block: ReceivedBlock): Promise<void> {
    if (block.id === undefined) return
    cursor = block.id
    if (seqOf(block.id) <= seqOf(revision)) return
    if (block.envelope.event_type !== 'resync') {
      const { event_type } = block.envelope
      state = state && foldEvent(state, { event_type, payload: block.payload })
      revision = block.id
    } else if (knowsResync) {
      revision = ''
      await pull()
    } else revision = block.id
  }

  async function close(): Promise<void> {
    await reader?.[Symbol.asyncDispose]()
    reader = undefined
  }

  const beat = () => call((api) => api.heartbeat({ params: { node_id: id }, body: {} }))

  const openReader = () =>
    openEventReader(plane.url, { token: tokens[0] ?? '', nodeId: id, lastEventId: cursor })

  const headSeq = (): number => plane.app.heads.of(plane.app.fleet.node(id)?.no ?? 0)

  async function open({ fresh }: { fresh: boolean }): Promise<void> {
    await close()
    if (fresh) cursor = ''
    const { seq } = plane.app.heads.find(cursor)
    // A stream without a known cursor begins here, or tells that the state must be pulled.
    startSeq = cursor === '' ? headSeq() : (seq ?? -1)
    reader = await openReader()
    if (reader.status === 401) {
      await beat()
      reader = await openReader()
    }
    taken = 0
  }

  /** Folds in all that was addressed to it until now; false when the stream ended before that. */
  async function readAll(from: EventReader): Promise<boolean> {
    let isWhole = true
    while (isWhole && Math.max(startSeq, seqOf(from.blocks.at(-1)?.id)) < headSeq())
      isWhole = await from.next().then(
        () => true,
        (error: Error) => {
          if (!error.message.endsWith('has ended')) throw error
          return false
        },
      )
    for (const block of from.blocks.slice(taken)) await take(block)
    taken = from.blocks.length
    return isWhole
  }

  return {
    id,
    state: () => state,
    desired: async () => (await call((api) => api.getState({ params: { node_id: id } }))).body,
    isOpen: () => reader !== undefined,
    open,
    close,
    async read() {
      // The first use of a new token ends the stream that was opened with the old one: it is opened again where it was.
      while (reader && !(await readAll(reader))) await open({ fresh: false })
    },
    pull,
    async heartbeat() {
      const { body } = await beat()
      if (body.reconcile) await pull()
    },
    async rotate() {
      if (rotations === maxRotations) return
      const body = { node_id: id, new_public_key: newPublicKey() }
      const answer = await call((api) => api.rotateKeys({ body }))
      tokens = [answer.body.node_token ?? '', ...tokens].slice(0, 1 + maxRotations)
      rotations++
    },
    settle() {
      rotations = 0
    },
    async moveTo(next) {
      await close()
      plane = next
    },
    [Symbol.asyncDispose]: close,
  }
}

/** Behind a backup; so many of its tokens a node keeps. */
const maxRotations = 3

function seqOf(position = ''): number {
  return Number(position.split('-')[1] ?? -1)
}
