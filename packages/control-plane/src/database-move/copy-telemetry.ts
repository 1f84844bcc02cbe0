import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CliError, type Log } from '@plexd/runtime'
import type { PostgresPlace } from '../store/postgres/place.ts'
import { openPartitions } from '../telemetry/partitions.ts'
import { openMovedPacks } from '../telemetry/postgres/moved-packs.ts'
import { openSeriesDatabase } from '../telemetry/series/stores/file.ts'
import { openMovedHours } from '../telemetry/series/stores/postgres/moved-hours.ts'
import { seriesMs } from '../telemetry/series/stores/store.ts'
import { formerId } from '../telemetry/take-over.ts'
import { copyHours } from './copy-hours.ts'
import { copyPacks } from './copy-packs.ts'
import type { CopiedPart } from './part-digest.ts'

export interface TelemetryOptions {
  dataDir: string
  to: PostgresPlace
  /** How long records are kept; undefined leaves telemetry where it is. */
  telemetryMs: number | undefined
  nowMs: number
  log: Log
  onProgress: (text: string) => void
}

/**
 * Copies what nodes have measured and logged, whose ids stay the same, so that whoever follows it goes on. Nobody sees it there before the
 * state is there. May be repeated: what is there goes first, also where nothing is to be copied.
 */
export async function copyTelemetry(options: TelemetryOptions): Promise<CopiedPart[]> {
  const { to, telemetryMs } = options
  await using packs = await openMovedPacks(to)
  await using hours = await openMovedHours(to)
  await packs.clear()
  await hours.clear()
  if (telemetryMs === undefined) return []
  const beforeMs = options.nowMs - telemetryMs
  const ofRecords = await recordsOf(options, (source) =>
    copyPacks(source, packs, { beforeMs, onProgress: options.onProgress }),
  )
  const ofSeries = await seriesOf(options, beforeMs, (source) =>
    copyHours(source, hours, options.nowMs - seriesMs),
  )
  return [...ofRecords, ...ofSeries]
}

async function recordsOf(
  { dataDir, nowMs, log }: TelemetryOptions,
  copy: (source: ReturnType<typeof openPartitions>) => Promise<CopiedPart[]>,
): Promise<CopiedPart[]> {
  demandTakenOver(dataDir)
  const folder = join(dataDir, 'telemetry')
  if (!existsSync(folder)) return []
  await using source = openPartitions(folder, { now: () => nowMs, log })
  return await copy(source)
}

async function seriesOf(
  { dataDir, log, onProgress }: TelemetryOptions,
  rebuiltFromMs: number,
  copy: (source: ReturnType<typeof openSeriesDatabase>) => Promise<CopiedPart>,
): Promise<CopiedPart[]> {
  const path = join(dataDir, 'series.db')
  if (!existsSync(path)) return []
  onProgress('copying series of metrics')
  await using source = openSeriesDatabase(path, { log, rebuiltFromMs })
  return [await copy(source)]
}

/** A start takes it over, while it serves. */
function demandTakenOver(dataDir: string): void {
  const path = join(dataDir, formerId)
  if (!existsSync(path)) return
  throw new CliError(
    `copy telemetry: "${path}" is of version 0.1: start the control plane of this version, until it has taken it over and removed it, or leave telemetry where it is with --without-telemetry`,
  )
}
