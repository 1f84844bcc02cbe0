import { type Check, exec, type Finding, failed, ok, warning } from '@plexd/runtime'
import { maxConnections } from '../http/connections/admission.ts'
import { maxDescriptors } from '../http/connections/descriptors.ts'
import { type Place, readRow } from './place.ts'

export const machineChecks: readonly Check<Place>[] = [
  { name: 'descriptors', run: checkDescriptors },
  { name: 'clock', run: checkClock },
]

async function checkDescriptors({ config, pid }: Place): Promise<Finding> {
  const descriptors = maxDescriptors(`/proc/${pid ?? 'self'}/limits`)
  const { connections } = config.limits
  const whose = pid === undefined ? 'in this shell, where it does not run' : `of process ${pid}`
  const room = maxConnections(connections, descriptors)
  if (room >= connections) return ok(`enough ${whose} for ${connections} connections`)
  return warning(
    `${descriptors} ${whose} make room for ${room} connections, and the limit "connections" is ${connections}`,
    `LimitNOFILE=${Math.ceil((connections + 64) / 0.9)} in its unit, or --limit connections=${room}`,
  )
}

/** NTP keeps clocks closer than this. */
const tolerableMs = 60_000

async function checkClock(place: Place): Promise<Finding> {
  const aheadMs = (await newestMs(place)) - place.nowMs
  if (aheadMs > tolerableMs)
    return failed(
      `it is ${Math.round(aheadMs / 1_000)} s behind the newest entry of the database: nodes refuse what is signed in the past`,
      'timedatectl set-ntp true',
    )
  const isKept = await exec(['timedatectl', 'show', '--property=NTPSynchronized', '--value']).then(
    (text) => text.trim() === 'yes',
    () => undefined,
  )
  if (isKept === false) return warning('nothing keeps it right', 'timedatectl set-ntp true')
  return ok(isKept ? 'kept right by NTP' : 'not behind what is in the database')
}

/** The time of the last write; -Infinity if there was none. */
async function newestMs(place: Place): Promise<number> {
  const row = await readRow(
    place,
    'select max(at) as at from (select max(created_at) as at from events union all select max(last_seen_at) from nodes) as times',
  )
  return row ? Number(row.at) : Number.NEGATIVE_INFINITY
}
