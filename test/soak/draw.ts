import { createRandom } from '../support/random.ts'

/** What happens next, to whom, and how long it lasts at least. */
export interface Step {
  readonly condition: string
  readonly victim: string
  readonly holdMs: number
}

export interface Choices {
  readonly conditions: readonly string[]
  readonly victims: readonly string[]
  readonly longestMs: number
}

/**
 * Without end, the same for the same seed: as a deck of cards that is shuffled anew when it is used up, so that each
 * condition comes before one comes twice. Pure.
 */
export function* drawSteps(seed: number, choices: Choices): Generator<Step, never> {
  const random = createRandom(seed)
  const { victims, longestMs } = choices
  for (;;) {
    const deck = [...choices.conditions]
    while (deck.length > 0) {
      const [condition = ''] = deck.splice(random.below(deck.length), 1)
      const victim = victims[random.below(victims.length)] ?? ''
      yield { condition, victim, holdMs: random.below(longestMs + 1) }
    }
  }
}

/** For people, and for who wants to see where a sequence went. */
export function describeStep({ condition, victim, holdMs }: Step): string {
  return `${victim}: ${condition} (held ${holdMs} ms)`
}
