import { bundleName, saveBundle, systemClock } from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import { version } from '../version.ts'
import type { GivenSettings } from './config-part.ts'
import { findSecrets } from './find-secrets.ts'
import { reportParts } from './parts.ts'

export interface ReportFlags {
  out: string | undefined
  json: boolean | undefined
  notes: readonly string[]
  /** How far back the log goes. */
  sinceMs: number
}

/** Gathers what support wants to see of a control plane, whether it runs or not. */
export async function saveReport(
  config: Config,
  given: GivenSettings,
  { out, json, ...flags }: ReportFlags,
): Promise<void> {
  const nowMs = systemClock.now()
  const sinceMs = nowMs - flags.sinceMs
  const found = await findSecrets(config, given)
  await saveBundle({
    ...{ out, json, nowMs },
    folder: bundleName('plexd-control-plane-bugreport', nowMs),
    head: { program: 'plexd-control-plane', version, since: new Date(sinceMs).toISOString() },
    parts: reportParts({ config, given, nowMs, sinceMs }),
    ...found,
    notes: [...flags.notes, ...found.notes],
  })
}
