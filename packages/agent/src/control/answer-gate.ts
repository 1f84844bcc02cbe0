import { answerHeader, formOf, type TransportResponse } from '@plexd/protocol'
import { ForeignAnswer } from './failure.ts'

/**
 * Through which every answer goes before anybody looks at it. Once this control plane has shown our form, what lacks it
 * is weather: neither a refusal nor an acknowledgement. One that never has is believed whatever it says, as the
 * specification has it; but for pages, which are made for people.
 */
export interface AnswerGate {
  /** Throws a ForeignAnswer for what is not the control plane's, or not of the content type that alone will do. */
  judge(answer: TransportResponse, type?: string): void
  /** No answer came. */
  failed(): void
  hasShown(): boolean
  /** The run of the control plane that answered last; empty while none has named itself. */
  life(): string
}

export interface AnswerGateOptions {
  /** What is remembered with the identity. */
  hasShown?: boolean
  /** It has for the first time. */
  onShown?(): void
  /** Something on the way answers; undefined when the control plane does again. */
  onForeign?(answer: ForeignAnswer | undefined): void
  /** The control plane answers, after it did not. */
  onBack?(): void
}

export function createAnswerGate(options: AnswerGateOptions = {}): AnswerGate {
  let { hasShown = false } = options
  let isDown = false
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
  }

  return {
    judge(answer, type = '') {
      const form = formOf(answer)
      if (!answer.headers['content-type']?.startsWith(type) && type !== '') refuse(answer)
      if (form === 'ours') show(answer)
      else if (form === 'html' || hasShown) refuse(answer)
      back()
    },
    failed() {
      isDown = true
    },
    hasShown: () => hasShown,
    life: () => life,
  }
}
