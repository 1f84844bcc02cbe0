import {
  type AnswerForm,
  ApiError,
  errorOf,
  formOf,
  notServing,
  type TransportResponse,
} from '@plexd/protocol'
import { ForeignAnswer, isLocal } from './failure.ts'

/** Why what came from an address is not the answer of a control plane that serves: another address may have one. */
export interface Fault {
  error: unknown
  /** Whether it is a control plane, which may serve in a moment. */
  soon: boolean
}

/** What somebody answers; undefined for what any control plane would say, a refusal included. `type`: that a success has. */
export function faultOfAnswer(
  answer: TransportResponse,
  { hasShown, type = '' }: { hasShown: boolean; type?: string },
): Fault | undefined {
  if (notServing(answer)) return { error: errorOf(answer), soon: true }
  return isForeign(formOf(answer), hasShown) ||
    !(answer.headers['content-type'] ?? '').startsWith(type)
    ? { error: new ForeignAnswer(answer), soon: false }
    : undefined
}

/** An error that another address does not have: not one of this machine, nor of an answer that came. */
export function faultOfError(error: unknown): Fault | undefined {
  const isAnswered = error instanceof ApiError || error instanceof RangeError
  return isAnswered || isLocal(error) ? undefined : { error, soon: false }
}

const isForeign = (form: AnswerForm, hasShown: boolean): boolean =>
  form === 'html' || (form !== 'ours' && hasShown)
