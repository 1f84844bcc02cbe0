import { createBlockReader } from '@plexd/runtime/testing'

/** One event as it came over a stream. */
export interface SeenEvent {
  /** Empty for one that is sent again, out of order. */
  readonly id: string
  readonly seq: number
  readonly type: string
  /** The envelope. */
  readonly data: string
  readonly eventId: string
  /** The peer it is about; empty for events about other things. */
  readonly subject: string
}

/**
 * Parses streams. An event for all arrives as the same bytes a thousand times in a row, so the last few are kept with
 * their events: the simulator must cost as little as possible.
 */
export interface EventBlocks {
  /** `rest` is the incomplete end of this stream. `onParsed` is called once per text, not per stream. */
  read(bytes: Buffer, rest: string): { events: readonly SeenEvent[]; rest: string }
}

const maxKnown = 8

export function createEventBlocks(onParsed: (event: SeenEvent) => void): EventBlocks {
  const known: { bytes: Buffer; events: readonly SeenEvent[] }[] = []

  function parse(text: string): SeenEvent[] {
    const events = createBlockReader()
      .push(text)
      .map(({ id, event, data }) => ({
        id,
        seq: Number(id.split('-')[1] ?? -1),
        type: event,
        data,
        eventId: fieldOf(data, 'event_id'),
        subject: event.startsWith('peer_') ? fieldOf(data, 'peer_id') : '',
      }))
    for (const event of events) onParsed(event)
    return events
  }

  return {
    read(bytes, rest) {
      const found = rest === '' && known.find((entry) => entry.bytes.equals(bytes))
      if (found) return { events: found.events, rest }
      const piece = bytes.toString()
      const text = rest + piece
      // A block may come in a hundred pieces, and is parsed only with the last one.
      if (!piece.includes('\n\n') && !(piece.startsWith('\n') && rest.endsWith('\n')))
        return { events: none, rest: text }
      const end = text.lastIndexOf('\n\n') + 2
      const events = parse(text.slice(0, end))
      if (rest === '' && end === text.length) {
        if (known.length === maxKnown) known.shift()
        known.push({ bytes: Buffer.from(bytes), events })
      }
      return { events, rest: text.slice(end) }
    },
  }
}

const none: readonly SeenEvent[] = []

function fieldOf(json: string, name: string): string {
  const start = json.indexOf(`"${name}":"`)
  return start === -1
    ? ''
    : json.slice(start + name.length + 4, json.indexOf('"', start + name.length + 4))
}
