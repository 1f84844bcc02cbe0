import type { UpgradeStatus } from '@plexd/protocol'
import type { Io } from '../../terminal/io.ts'
import { ageOf } from '../../terminal/output.ts'

/** `1.5.0 to 1.6.0, rolled back 2h ago: no healthy heartbeat`. */
export function describeUpgrade(
  { version, from, status, reason, at }: UpgradeStatus,
  io: Io,
): string {
  const why = reason === '' ? '' : `: ${reason}`
  return `${from} to ${version}, ${status.replace('_', ' ')} ${ageOf(at, io)} ago${why}`
}
