import { answerHeader, formOf, type TransportResponse } from '@plexd/protocol'
import { ForeignAnswer } from './failure.ts'

/**
 * Checks every answer before anything else sees it. Once this control plane has sent a marked answer, unmarked ones
 * count as network errors: neither a refusal nor an acknowledgement. A control plane that never has is believed, as in the
 * specification, except for HTML pages (docs/decisions/0030).
 */
export interface AnswerGate {
  /** Throws a ForeignAnswer if it is not the control plane's, or lacks the required content type. */
  judge(answer: TransportResponse, type?: string): void
  /** Call this if there was no answer, with the reason. */
  failed(reason: unknown): void
  hasShown(): boolean
  /** Whether the last call had no answer of the control plane. */
  isDown(): boolean
  /** Why it had none; undefined once there was one. */
  failure(): unknown
  /** The run (life) of the control plane that answered last; empty while none was named. */
  life(): string
}

export interface AnswerGateOptions {
  /** Stored with the identity. */
  hasShown?: boolean
  /** Called at the first marked answer. */
  onShown?(): void
  /** Something in between answers; undefined when the control plane does again. */
  onForeign?(answer: ForeignAnswer | undefined): void
  /** The control plane answers again. */
  onBack?(): void
}

export function createAnswerGate(options: AnswerGateOptions = {}): AnswerGate {
  let { hasShown = false } = options
  let isDown = false
  let failure: unknown
  let life = ''
  let foreign: ForeignAnswer | undefined

  function refuse(answer: TransportResponse): never {
    isDown = true
    foreign = new ForeignAnswer(answer)
    options.onForeign?.(foreign)
    throw foreign
  }

  function show({ headers }: TransportResponse): void {
    life = headers[answerHeader] ?? ''
    if (hasShown) return
    hasShown = true
    options.onShown?.()
  }

  function back(): void {
    if (foreign) options.onForeign?.(undefined)
    foreign = undefined
    if (isDown) options.onBack?.()
    isDown = false
    failure = undefined
  }

  return {
    judge(answer, type = '') {
      const form = formOf(answer)
      if (!answer.headers['content-type']?.startsWith(type) && type !== '') refuse(answer)
      if (form === 'ours') show(answer)
      else if (form === 'html' || hasShown) refuse(answer)
      back()
    },
    failed(reason) {
      isDown = true
      failure = reason
    },
    hasShown: () => hasShown,
    isDown: () => isDown,
    failure: () => failure,
    life: () => life,
  }
}
