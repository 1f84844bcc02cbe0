import { isDeepStrictEqual } from 'node:util'
import { type NodeState, parseEnvelope } from '@plexd/protocol'
import { comparable, foldEvent } from '@plexd/runtime/testing'
import type { SeenEvent } from './event-blocks.ts'

/** The state from one pull and the events since, to be compared with a pull at the end. */
export class FoldedState {
  #state: NodeState
  #waiting: SeenEvent[] | undefined
  readonly #pull: () => Promise<NodeState>

  private constructor(state: NodeState, pull: () => Promise<NodeState>) {
    this.#state = state
    this.#pull = pull
  }

  static async from(pull: () => Promise<NodeState>): Promise<FoldedState> {
    return new FoldedState(await pull(), pull)
  }

  take(event: SeenEvent): void {
    if (this.#waiting) {
      this.#waiting.push(event)
      return
    }
    if (event.id === '' || event.seq <= seqOf(this.#state)) return
    const { event_id, event_type, nonce, payload } = parseEnvelope(event.data)
    const delivery = { id: event.id, event_id, event_type, nonce, payload: JSON.parse(payload) }
    const next = foldEvent(this.#state, delivery)
    if (next) this.#state = { ...next, revision: event.id }
    else void this.#repull()
  }

  /** What differs from a fresh pull; undefined when nothing does. */
  async difference(): Promise<string | undefined> {
    const now = await this.#pull()
    const [own, other] = [comparable(this.#state), comparable(now)]
    if (isDeepStrictEqual(own, other)) return undefined
    const names = Object.keys(now) as (keyof NodeState)[] // of an object of that type
    const parts = names.filter(
      (name) =>
        !isDeepStrictEqual(
          (own as Record<string, unknown>)[name],
          (other as Record<string, unknown>)[name],
        ),
    )
    return `the folded state differs in ${parts.join(', ')}`
  }

  async #repull(): Promise<void> {
    this.#waiting = []
    this.#state = await this.#pull()
    const waiting = this.#waiting
    this.#waiting = undefined
    for (const event of waiting) this.take(event)
  }
}

function seqOf({ revision = '' }: NodeState): number {
  return Number(revision.split('-')[1] ?? -1)
}
