/** Lines of our log in words. Pure. */
import { escapeJson, printable } from '../text/printable.ts'

/** A line of our log, which is JSON, as our commands write to a terminal: what went wrong first, and in brackets what else is known. */
export function lineForPeople(line: string): string {
  const { level: _, time: __, name, msg, error, ...fields } = JSON.parse(line)
  const what = error === undefined ? msg : `${msg}: ${error}`
  const words = fieldWords(fields)
  return printable(`${name}: ${what}${words.length === 0 ? '' : ` (${words.join(', ')})`}`)
}

/** Each field as `key=value`. */
export function fieldWords(fields: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(fields).map(([key, value]) => `${key}=${shownValue(value)}`)
}

/** In quotes where it would not be seen where it ends. */
function shownValue(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return value
  return escapeJson(JSON.stringify(value))
}
