import { createParser } from 'eventsource-parser'

/** One block of the stream. */
export interface Message {
  /** The cursor that this block moves to; empty when it names none. */
  id: string
  data: string
}

/** The stream holds a block that will not fit, this time or the next. */
export class OversizeError extends Error {}

/**
 * Bytes in, whole blocks out; a block that is torn off at the end never comes out. Throws an OversizeError: a longer one
 * is not waited for.
 */
export function createEventReader(maxChars: number): (chunk: Uint8Array) => Message[] {
  // Not `fatal`: what is no UTF-8 turns into U+FFFD and fails its signature.
  const decoder = new TextDecoder()
  let messages: Message[] = []
  let oversize = false
  const parser = createParser({
    maxBufferSize: maxChars,
    onEvent: ({ id = '', data }) => messages.push({ id, data }),
    onError: (error) => {
      oversize ||= error.type === 'max-buffer-size-exceeded'
    },
  })
  return (chunk) => {
    messages = []
    parser.feed(decoder.decode(chunk, { stream: true }))
    if (oversize)
      throw new OversizeError(
        `read event: it has more than ${maxChars} characters (limit event_characters): the state is pulled instead`,
      )
    return messages
  }
}
