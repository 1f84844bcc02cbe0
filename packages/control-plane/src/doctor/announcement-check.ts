import { type Check, type Finding, ok, warning } from '@plexd/runtime'
import { whyAhead } from '../installation/sequence.ts'
import { type Place, readRow, readRows } from './place.ts'

/** Whether nodes heed what they are told of the control plane itself. */
export const announcementCheck: Check<Place> = { name: 'announcements', run: checkHeeds }

const maxNamed = 5

async function checkHeeds(place: Place): Promise<Finding> {
  const last = await readRow(place, "select value from settings where name = 'announcement'")
  const sequence = last ? (numberIn(last.value, 'sequence') ?? 0) : 0
  const ahead = (await readRows(place, heedsOfNodes)).flatMap(({ hostname, heeded }) => {
    const why = whyAhead(numberIn(heeded, 'announcement'), { sequence, nowMs: place.nowMs })
    return why === undefined ? [] : [`"${hostname}": ${why}`]
  })
  if (ahead.length === 0) return ok('no node heeds a later one than the last')
  const more = ahead.length > maxNamed ? `; and ${ahead.length - maxNamed} more` : ''
  return warning(
    `nodes ignore them: ${ahead.slice(0, maxNamed).join('; ')}${more}`,
    'plexctl move status',
  )
}

const heedsOfNodes = `
  select hostname, heeded from node_heeds join nodes on nodes.id = node_heeds.node_id
  where removed_at is null order by hostname`

/** Of an object as JSON. */
function numberIn(json: unknown, name: string): number | undefined {
  const value: unknown = Object(JSON.parse(String(json)))[name]
  return typeof value === 'number' ? value : undefined
}
