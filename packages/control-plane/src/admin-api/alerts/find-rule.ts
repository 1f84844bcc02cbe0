import { type AlertRule, ApiError } from '@plexd/protocol'
import { listRules } from '../../alerts/book.ts'
import { readRules } from '../../rows/alerts/rules.ts'
import type { Reader } from '../../store/db.ts'

/** The rule of a name, those that are there by themselves included. Throws an ApiError (404). */
export async function findRule(reader: Reader, tenantId: string, name: string): Promise<AlertRule> {
  const rule = listRules(await readRules(reader, tenantId)).find((one) => one.name === name)
  if (!rule) throw new ApiError('not_found', `there is no alert rule "${name}"`)
  return rule
}
