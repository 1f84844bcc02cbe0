import type { Connection } from 'ssh2'

/** Says why a channel is not opened. */
export interface Refusals {
  /** Is called right before the channel is rejected. */
  next(text: string): void
}

type OpenFailure = (recipient: number, reason: number, text?: string) => void

/** "Administratively prohibited" (RFC 4254 section 5.1). */
const prohibited = 1

/** ssh2 sends no text with it, so what it sends with is put in between; a version that has this no more sends none. */
export function explainRefusals(client: Connection): Refusals {
  const { _protocol: protocol } = client as { _protocol?: { channelOpenFail?: OpenFailure } }
  const send = protocol?.channelOpenFail?.bind(protocol)
  let text: string | undefined
  if (protocol && send)
    protocol.channelOpenFail = (recipient, reason, given) => {
      send(recipient, text === undefined ? reason : prohibited, given || text)
      text = undefined
    }
  return {
    next(why) {
      text = why
    },
  }
}
