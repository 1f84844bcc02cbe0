import { importVerifyKey, parseEnvelope, refusalOf } from '@plexd/protocol'
import { createSerialQueue, describeError } from '@plexd/runtime'
import type { SeenEvent } from './event-blocks.ts'

/** Verifies signatures as agents do: all of shared events, a sample of individual ones. */
export interface Verifier {
  readonly faults: readonly string[]
  verified(): number
  look(event: SeenEvent): void
  /** Resolves when all pending ones are verified. */
  settled(): Promise<void>
}

/** To verify a signature takes longer than everything else that a simulated agent does. */
const sampleEvery = 50
const shared = new Set(['peer_endpoint_changed', 'peer_removed', 'resync', 'signing_key_rotated'])

export function createVerifier(signingKey: string): Verifier {
  const key = importVerifyKey(signingKey)
  const faults: string[] = []
  let verified = 0
  let seen = 0
  const inOrder = createSerialQueue()

  async function verify({ id, type, data }: SeenEvent): Promise<void> {
    try {
      const refusal = await refusalOf(parseEnvelope(data), { keys: [await key], nowMs: Date.now() })
      if (refusal) faults.push(`${id} ${type}: ${refusal}`)
    } catch (error) {
      faults.push(`${id} ${type}: ${describeError(error)}`)
    }
    verified++
  }

  return {
    faults,
    verified: () => verified,
    look(event) {
      if (!shared.has(event.type) && ++seen % sampleEvery !== 1) return
      void inOrder(() => verify(event))
    },
    settled: () => inOrder(async () => {}),
  }
}
