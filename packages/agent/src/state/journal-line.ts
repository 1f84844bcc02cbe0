import { crc32 } from 'node:zlib'

/** One line of a journal: CRC-32 of the JSON in 8 hex digits, a space, the JSON, a newline. */
export function encodeLine(record: object): string {
  const json = JSON.stringify(record)
  return `${checksum(json)} ${json}\n`
}

/** The record of a line without its newline; undefined when the line was damaged or is not of that shape. */
export function decodeLine<T>(
  line: string,
  validator: { Check(value: unknown): value is T },
): T | undefined {
  const json = line.slice(9)
  if (line[8] !== ' ' || line.slice(0, 8) !== checksum(json)) return undefined
  try {
    const value: unknown = JSON.parse(json)
    return validator.Check(value) ? value : undefined
  } catch {
    return undefined
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
