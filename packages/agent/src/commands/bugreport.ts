import { existsSync } from 'node:fs'
import { bundleName, describeError, readSince, saveBundle, systemClock } from '@plexd/runtime'
import { findSecrets } from '../bugreport/find-secrets.ts'
import { reportParts } from '../bugreport/parts.ts'
import { type AgentConfig, defaultConfig } from '../config/agent-config.ts'
import { version } from '../version.ts'
import { type Flags, type Json, loadConfigFor } from './given/flags.ts'

interface Given extends Json {
  out?: string
  since: string
}

export async function runBugreport(flags: Flags, { out, since, json }: Given): Promise<void> {
  const nowMs = systemClock.now()
  const sinceMs = nowMs - readSince(since)
  const { config, notes } = await configOrDefault(flags)
  const given = { flags: flags.settings, file: flags.configFile, env: process.env }
  const found = await findSecrets(config, given)
  await saveBundle({
    ...{ out, json, nowMs },
    folder: bundleName('plexd-bugreport', nowMs),
    head: { program: 'plexd', version, since: new Date(sinceMs).toISOString() },
    parts: reportParts({ config, given, sinceMs }),
    secrets: found.secrets,
    isBlind: found.isBlind,
    notes: [...notes, ...found.notes],
  })
}

/** A report is wanted most when the settings are wrong: the part about them says how. */
async function configOrDefault(flags: Flags): Promise<{ config: AgentConfig; notes: string[] }> {
  try {
    return { config: await loadConfigFor(flags), notes: [] }
  } catch (error) {
    if (flags.configFile !== undefined && !existsSync(flags.configFile)) throw error
    const config = { ...defaultConfig, ...flags.settings }
    return { config, notes: [`the settings cannot be read: ${describeError(error)}`] }
  }
}
