import { createParser } from 'eventsource-parser'

/** An event block of the stream. */
export interface Message {
  /** The cursor after this block; empty if it has no id. */
  id: string
  data: string
}

/** The stream contains a block that is too large, and will be each time. */
export class OversizeError extends Error {}

/**
 * Turns bytes into complete blocks; an incomplete block at the end is dropped. Throws an OversizeError as soon as a block
 * exceeds the limit.
 */
export function createEventReader(maxChars: number): (chunk: Uint8Array) => Message[] {
  // Not `fatal`: invalid UTF-8 becomes U+FFFD, so the signature does not verify.
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
