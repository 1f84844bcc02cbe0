/** The bytes of channels as text. A character of UTF-8 may come in pieces, and other channels in between. */
export interface ChannelText {
  /** The text that is complete with these bytes, maybe none. What is no UTF-8 becomes U+FFFD. */
  take(channel: number, bytes: Uint8Array): string
  /** What is left of incomplete characters; nothing may be taken afterwards. */
  end(): string[]
}

export function createChannelText(): ChannelText {
  const decoders = new Map<number, TextDecoder>()
  return {
    take: (channel, bytes) =>
      decoders
        // A byte order mark is shown to the client, so it is kept.
        .getOrInsertComputed(channel, () => new TextDecoder('utf-8', { ignoreBOM: true }))
        .decode(bytes, { stream: true }),
    end: () => [...decoders.values()].map((decoder) => decoder.decode()).filter((text) => text),
  }
}
