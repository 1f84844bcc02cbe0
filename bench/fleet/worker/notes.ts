import type { SeenEvent } from './event-blocks.ts'
import { Tally } from './tally.ts'
import { createVerifier, type Verifier } from './verifier.ts'
import type { WorkerPage } from './worker-api.ts'

/** What the agents of one process have observed. */
export interface Notes {
  readonly tally: Tally
  fault(text: string): void
  counted(): void
  /** From now on events are verified with this key, unless there is one already. */
  trust(signingKey: string): void
  look(event: SeenEvent): void
  /** Events, since the beginning. */
  events(): number
  /** Answers and faults since the last time. */
  take(): Promise<WorkerPage>
}

export function createNotes(): Notes {
  const tally = new Tally()
  const faults: string[] = []
  let events = 0
  let verifier: Verifier | undefined
  return {
    tally,
    fault: (text) => void faults.push(text),
    counted: () => void events++,
    trust(signingKey) {
      verifier ??= createVerifier(signingKey)
    },
    look: (event) => verifier?.look(event),
    events: () => events,
    async take() {
      await verifier?.settled()
      return {
        tally: tally.take(),
        faults: [...faults.splice(0), ...(verifier?.faults ?? [])],
        verified: verifier?.verified() ?? 0,
        rssBytes: process.memoryUsage.rss(),
      }
    },
  }
}
