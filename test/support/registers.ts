/** What each of many places should hold, written to by clients whose requests may die without an answer. */
export interface Registers<Value> {
  /** A write is about to be sent; nobody else writes to this place meanwhile. */
  attempt(place: string, value: Value): void
  /** The answer came: the value is there now, whatever happens next. */
  acknowledge(place: string, value: Value): void
  /** The last write was never sent. */
  withdraw(place: string): void
  /** Whether what is seen is what was acknowledged last, or a later write that got no answer. */
  allows(place: string, value: Value): boolean
  expected(place: string): readonly Value[]
  places(): string[]
}

/** `undefined` stands for nothing being there, which is how every place begins. */
export function createRegisters<Value>(): Registers<Value | undefined> {
  const held = new Map<string, (Value | undefined)[]>()
  const of = (place: string): (Value | undefined)[] => held.get(place) ?? [undefined]
  return {
    attempt(place, value) {
      held.set(place, [...of(place), value])
    },
    acknowledge(place, value) {
      held.set(place, [value])
    },
    withdraw(place) {
      held.set(place, of(place).slice(0, -1))
    },
    allows: (place, value) => of(place).includes(value),
    expected: of,
    places: () => [...held.keys()],
  }
}

/** Sends a write and writes down what came of it. A write that is answered 404 has found nothing, as it should leave it. */
export async function write<Value>(
  registers: Registers<Value | undefined>,
  place: string,
  value: Value | undefined,
  send: () => Promise<unknown>,
): Promise<void> {
  registers.attempt(place, value)
  try {
    await send()
  } catch (error) {
    const { code } = error as { code?: string } // of a system's error, or of an ApiError
    // Nobody listened, so nobody can have heard.
    if (code === 'ECONNREFUSED') registers.withdraw(place)
    if (value !== undefined || code !== 'not_found') throw error
  }
  registers.acknowledge(place, value)
}
