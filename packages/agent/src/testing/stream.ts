import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { formatEvent, issuedAt, type SigningKeys, signEvent } from '@plexd/protocol'
import { type Clock, silentLog } from '@plexd/runtime'
import { openDatabase } from '../disk/database.ts'

export interface TestDatabase extends Disposable {
  database: DatabaseSync
  folder: string
  /** Closes and opens it again, as after a crash. */
  reopen(): DatabaseSync
}

export function openTestDatabase(): TestDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'plexd-test-'))
  let database = openDatabase(folder, silentLog)
  return {
    get database() {
      return database
    },
    folder,
    reopen() {
      database.close()
      database = openDatabase(folder, silentLog)
      return database
    },
    [Symbol.dispose]() {
      database.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export interface TestEvent {
  id?: string
  type?: string
  eventId?: string
  nonce?: string
  issuedMs?: number
  payload?: unknown
}

/** A signing control plane without a network. */
export interface TestSigner {
  keys: SigningKeys
  envelope(event?: TestEvent): Promise<string>
  /** The envelope as a block of the stream. */
  block(event?: TestEvent): Promise<string>
}

export async function createTestSigner(clock: Pick<Clock, 'now'>): Promise<TestSigner> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  const { privateKey, publicKey } = pair as { privateKey: CryptoKey; publicKey: CryptoKey } // Ed25519 makes two
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey))
  let count = 0

  function envelope(event: TestEvent = {}): Promise<string> {
    count++
    const { type = 'policy_updated', eventId = `evt_${count}`, nonce = crypto.randomUUID() } = event
    const issued_at = issuedAt(event.issuedMs ?? clock.now())
    const payload = JSON.stringify(event.payload ?? {})
    return signEvent({ event_type: type, event_id: eventId, issued_at, nonce, payload }, privateKey)
  }

  return {
    keys: { current: raw.toBase64() },
    envelope,
    block: async (event = {}) =>
      formatEvent({ id: event.id ?? `1-${count + 1}`, event: 'x', data: await envelope(event) }),
  }
}
