import type { Skipped } from '@plexd/protocol'
import type { SseStream } from '../../http/sse.ts'
import type { TailSink } from '../../telemetry/tail/tail.ts'
import { timestamp } from '../wire/timestamps.ts'
import { recordJson } from './record-json.ts'

/** Writes what a tail hands over as server-sent events. */
export function createSink(stream: SseStream, hostnameOf: (nodeId: string) => string): TailSink {
  return {
    records: (records) =>
      stream.write(
        records
          .map((record) => frame(record.id, recordJson(record, hostnameOf(record.node_id))))
          .join(''),
      ),
    skipped({ count, sinceMs, untilMs }, id) {
      const times = { since: timestamp(sinceMs), until: timestamp(untilMs) }
      const skipped: Skipped = { skipped: { count: count ?? null, ...times } }
      return stream.write(frame(id, JSON.stringify(skipped)))
    },
  }
}

/** Tells a reader that has had nothing yet where to go on after a break. */
export function positionFrame(id: number): string {
  return `id: ${id}\n\n`
}

/** Line breaks between the members of a record are white space; those in its texts are escaped. */
function frame(id: number, json: string): string {
  return `id: ${id}\ndata: ${json.replaceAll(/[\r\n]+/g, ' ')}\n\n`
}
