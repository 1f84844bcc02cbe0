import type { TransportResponse } from '@plexd/protocol'
import type { Place } from '../../config/place.ts'
import { NoneAnswered } from './failure.ts'
import { type Fault, faultOfAnswer, faultOfError } from './fault.ts'
import type { Failed } from './next-address.ts'

/** What is asked, at one address or at several. */
export interface Question<T> {
  /** `at`: which of the addresses it is. */
  ask(place: Place, at: number): Promise<T>
  answerOf(value: T): TransportResponse
  /** As in the answer gate. */
  hasShown?(): boolean
  /** The content type that this answer has if it is a success. */
  typeOf?(value: T): string
  /** It is not looked at any more. */
  drop?(value: T): void
  signal?: AbortSignal | undefined
}

export type Outcome<T> = Answered<T> | NotAnswered<T>

interface Answered<T> {
  value: T
  fault: undefined
}

interface NotAnswered<T> {
  /** Undefined if nobody answered at all. */
  value: { is: T } | undefined
  fault: Fault
}

/** Of one address. */
export interface Failure<T> extends Failed, NotAnswered<T> {
  place: Place
}

/** Rejects with what another address would not change. */
export async function outcomeAt<T>(
  question: Question<T>,
  place: Place,
  at: number,
): Promise<Outcome<T>> {
  try {
    const value = await question.ask(place, at)
    const fault = faultOfAnswer(question.answerOf(value), {
      hasShown: question.hasShown?.() ?? false,
      type: question.typeOf?.(value) ?? '',
    })
    return fault ? { value: { is: value }, fault } : { value, fault }
  } catch (error) {
    question.signal?.throwIfAborted()
    const fault = faultOfError(error)
    if (!fault) throw error
    return { value: undefined, fault }
  }
}

/**
 * After a whole round: an answer, as the caller judges those better than we, and best that of a control plane, which says when to
 * come again. Throws a NoneAnswered if there was none.
 */
export function conclude<T>(failures: readonly Failure<T>[], question: Question<T>): T {
  const best = failures.findLast(({ soon }) => soon) ?? failures.findLast(({ value }) => value)
  dropAll(
    failures.filter((failure) => failure !== best),
    question,
  )
  if (best?.value) return best.value.is
  throw new NoneAnswered(failures.map(({ place, fault }) => ({ place, error: fault.error })))
}

export function dropAll<T>(failures: readonly Failure<T>[], { drop }: Question<T>): void {
  for (const { value } of failures) if (value) drop?.(value.is)
}
