import { parseDuration, wantKeyword } from '@plexd/protocol'
import { Type } from 'typebox'
import { defineBuiltin } from './define-builtin.ts'

export const logsSnapshot = defineBuiltin({
  name: 'logs.snapshot',
  description:
    "Show the newest lines of plexd's log, from the journal if it goes there; on stderr where they are from",
  parameters: Type.Object({
    lines: Type.Integer({
      default: 200,
      minimum: 1,
      maximum: 5_000,
      description: 'How many at most; as many as fit into the output',
    }),
    since: Type.Optional(
      Type.String({
        maxLength: 64,
        pattern:
          '^(\\d[\\dhms.]*[hms]|\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d))$',
        [wantKeyword]: 'how long ago, as "1h30m", or a time, as "2025-01-15T10:30:00Z"',
        description:
          'Only later ones: how long ago, as "1h30m", or a time, as "2025-01-15T10:30:00Z"',
      }),
    ),
  }),
  timeoutMs: 30_000,
  standsAlone: true,
  async run({ lines, since }, node, { signal, outputBytes }) {
    const sinceMs = since === undefined ? undefined : timeOf(since, node.clock.now())
    const read = await node.readLog({ lines, sinceMs }, signal)
    const fitting = newestWithin(read.lines, outputBytes - spareBytes)
    const cut = read.lines.length - fitting.length
    return {
      exit_code: 0,
      stdout: fitting.map((line) => `${line}\n`).join(''),
      stderr: `${fitting.length} lines of ${read.source}${cut === 0 ? '' : `; ${cut} older ones do not fit into the output`}\n`,
    }
  },
})

/** What stands in place of a secret may be longer than that. */
const spareBytes = 1_024

function timeOf(since: string, nowMs: number): number {
  const ms = since.includes('T') ? Date.parse(since) : nowMs - parseDuration(since)
  if (Number.isNaN(ms)) throw new RangeError(`since "${since}": there is no such time`)
  return ms
}

/** Whole lines from the end. */
function newestWithin(lines: readonly string[], maxBytes: number): readonly string[] {
  let room = maxBytes
  const first = lines.findLastIndex((line) => {
    room -= Buffer.byteLength(line) + 1
    return room < 0
  })
  return lines.slice(first + 1)
}
