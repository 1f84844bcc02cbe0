import { createReadStream } from 'node:fs'
import { extname } from 'node:path'
import { parseDuration, parseSelector } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import { InvalidArgumentError } from 'commander'
import { fileError } from './file-error.ts'
import type { Io } from './io.ts'

/** More than any operation but an upload takes. */
const maxInputBytes = 16 * 1024 * 1024

/** The bytes of a file, or of standard input for `-`. */
export async function readInput(file: string, { stdin }: Io): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of file === '-' ? stdin : createReadStream(file)) {
      chunks.push(Buffer.from(chunk))
      bytes += chunk.length
      if (bytes > maxInputBytes) throw new Error(`it is larger than ${maxInputBytes} bytes`)
    }
  } catch (cause) {
    throw fileError(`read ${quoteFile(file)}`, cause)
  }
  return Buffer.concat(chunks)
}

/** The text of UTF-8 bytes, every byte of it; refuses others, which would arrive changed. */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new CliError(
      `read ${quoteFile(file)}: it is not UTF-8 text: encode it first, for example with base64`,
      exitCodes.usage,
    )
  }
}

export function quoteFile(file: string): string {
  return file === '-' ? 'standard input' : `"${file}"`
}

/** By the extension of a file; `application/octet-stream` for those we do not know. */
export function contentTypeOf(file: string): string {
  return contentTypes[extname(file).toLowerCase()] ?? 'application/octet-stream'
}

const contentTypes: Record<string, string> = {
  '.json': 'application/json',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.txt': 'text/plain',
  '.conf': 'text/plain',
}

/** Whether a payload of this type is sent as JSON: `application/json`, `application/problem+json; charset=utf-8`. */
export function isJsonType(contentType: string): boolean {
  return /^[^;]*[/+]json\s*(;|$)/i.test(contentType)
}

/** `region=eu` as an entry; the value may hold further equals signs, or be empty. */
function parsePair(text: string): [key: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError(`Want key=value, not "${text}".`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** For an option or an argument that may be repeated. */
export function collectPair(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const [key, value] = parsePair(text)
  // A plain assignment would lose the key "__proto__".
  return Object.fromEntries([...Object.entries(previous), [key, value]])
}

/** Checks a flag here, so that a typing error costs no call. */
export function durationFlag(text: string): string {
  return checked(text, parseDuration)
}

export function selectorFlag(text: string): string {
  return text === '*' ? text : checked(text, parseSelector)
}

export function countFlag(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Want a whole number from 1.')
  return Number(text)
}

export function wholeFlag(text: string): number {
  return text === '0' ? 0 : countFlag(text)
}

/** For an option that may be repeated. */
export function collectText(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text]
}

function checked(text: string, parse: (text: string) => unknown): string {
  try {
    parse(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
  return text
}
