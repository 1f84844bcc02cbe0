import { createBlockReader } from '@plexd/runtime/testing'

/** One event as it came over a stream. */
export interface SeenEvent {
  /** Empty when it was sent again out of its turn. */
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
 * Reads what streams bring. What is the same for all who get it comes as the same bytes a thousand times in a row, so
 * the last few are remembered with what they mean: reading costs the generator of load as little as it can.
 */
export interface EventBlocks {
  /** `rest` is what was left over of this stream, and is so again. `onParsed` hears of each event once per text. */
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
      // A block may come in a hundred pieces: all of it is only looked at when it ends in this one.
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
