import type { RecordRules } from '../logs/records/log-record.ts'

/** Of a node "web-01" that sends all from info on, as it is. */
export const plainRules: RecordRules = {
  hostname: 'web-01',
  least: 'info',
  redact: (text) => text,
  json: true,
}
