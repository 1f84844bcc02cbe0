import { loadMasterKey, masterKeyPath } from '../seal/master-key.ts'
import { answerMeanwhile } from '../serving/meanwhile.ts'
import type { Servers } from '../serving/servers.ts'
import { checkMasterKey } from '../start/check-master-key.ts'
import { claimDatabase, type Database } from '../store/place/database.ts'
import type { OpenEnvironment } from './open-environment.ts'

export interface TurnOptions {
  /** Called while another control plane serves from the database, with words for who waits. */
  onWait?: ((words: string) => void) | undefined
  /** Called when it listens, with its address on this machine: once while it waits, and again when it serves. */
  onListening?: ((url: string) => void) | undefined
  /** Ends the waiting. */
  signal?: AbortSignal | undefined
}

/**
 * Resolves to the database once no other control plane serves from it; until then connections are passed on to that one. Rejects at once if this one could
 * not serve from it.
 */
export async function takeTurn(
  environment: OpenEnvironment,
  servers: Servers,
  { onWait = () => {}, onListening = () => {}, signal }: TurnOptions,
): Promise<Database> {
  const { config, clock, log, fail } = environment
  await using waiting = new AsyncDisposableStack()
  const path = masterKeyPath(config)
  let waitedFor: string | undefined
  const database = await claimDatabase(config, {
    ...{ clock, log, signal },
    onWait(holder) {
      log.info('waiting for another control plane, which serves from the database', { holder })
      onWait(`waiting for ${holder}, which serves from the database`)
      environment.waits(holder)
      if (waitedFor === undefined) waiting.use(answerMeanwhile(servers, environment, onListening))
      waitedFor = holder
    },
    onLost: fail,
    check: async (reader) =>
      checkMasterKey(reader, await loadMasterKey({ path, isNew: false }), path),
  })
  environment.waits(undefined)
  servers.passOnTo(undefined)
  if (waitedFor !== undefined) onWait(`starting in place of ${waitedFor}`)
  return database
}
