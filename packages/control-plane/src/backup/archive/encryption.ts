/** The age v1 format (https://age-encryption.org/v1), for X25519 recipients: those of Debian's `age`. */
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { CliError, exitCodes, readPlainFile, readSecretFile } from '@plexd/runtime'
import { checkRecipient } from '../../config/settings/recipient.ts'

/** The first bytes of an encrypted file. */
export const ageMagic = 'age-encryption.org/v1\n'
export const armorMagic = '-----BEGIN AGE ENCRYPTED FILE-----'

export async function encrypt(plain: Readable, recipients: readonly string[]): Promise<Readable> {
  // Loaded lazily: no other command needs it.
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  for (const recipient of recipients) encrypter.addRecipient(recipient)
  return passOn(plain, (stream) => encrypter.encrypt(stream))
}

/** Rejects, or ends with an error, if none of the identities opens it or it was changed. */
export async function decrypt(source: Readable, identities: readonly string[]): Promise<Readable> {
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity)
  return passOn(source, (stream) => decrypter.decrypt(stream))
}

async function passOn(
  source: Readable,
  through: (stream: globalThis.ReadableStream<Uint8Array>) => Promise<unknown>,
): Promise<Readable> {
  // Also one that is not read any more, because the other end has failed, is destroyed with that error.
  source.on('error', () => {})
  const web = Readable.toWeb(source) as unknown as globalThis.ReadableStream<Uint8Array> // one class, declared twice
  return Readable.fromWeb((await through(web)) as ReadableStream<Uint8Array>)
}

/** One recipient a line; lines that begin with # are comments. Throws a CliError that names the line. */
export function readRecipients(path: string): string[] {
  const lines = linesOf(readPlainFile(path, `read recipients "${path}"`))
  for (const line of lines) inFile(path, () => checkRecipient(line))
  if (lines.length === 0) throw unusable(path, 'it names no recipient: want lines of age1…')
  return lines
}

/** As `age-keygen` writes it. Never quotes a line: it is a secret. */
export function readIdentities(path: string): string[] {
  const lines = linesOf(readSecretFile(path, `read identities "${path}"`))
  if (lines.length === 0 || !lines.every((line) => /^AGE-SECRET-KEY-1[A-Z0-9]+$/.test(line)))
    throw unusable(path, 'want lines of AGE-SECRET-KEY-1…, as age-keygen writes them')
  return lines
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

function inFile(path: string, check: () => unknown): void {
  try {
    check()
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error))
  }
}

function unusable(path: string, why: string): CliError {
  return new CliError(`read "${path}": ${why}`, exitCodes.usage)
}
