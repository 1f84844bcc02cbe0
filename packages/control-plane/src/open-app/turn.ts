import type { Controls, Environment } from '../app.ts'
import { loadMasterKey, masterKeyPath } from '../seal/master-key.ts'
import { answerMeanwhile } from '../serving/meanwhile.ts'
import type { Servers } from '../serving/servers.ts'
import { checkMasterKey } from '../start/check-master-key.ts'
import { claimDatabase, type Database } from '../store/place/database.ts'

export interface TurnOptions {
  /** Called while another control plane serves from the database, with words for who waits. */
  onWait?: ((words: string) => void) | undefined
  /** Ends the waiting. */
  signal?: AbortSignal | undefined
}

/**
 * Resolves to the database once no other control plane serves from it; until then the servers say so. Rejects at once if this one could
 * not serve from it.
 */
export async function takeTurn(
  environment: Environment & Controls,
  servers: Servers,
  { onWait = () => {}, signal }: TurnOptions,
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
      if (waitedFor === undefined) waiting.use(answerMeanwhile(servers, environment))
      waitedFor = holder
    },
    onLost: fail,
    check: async (reader) =>
      checkMasterKey(reader, await loadMasterKey({ path, isNew: false }), path),
  })
  environment.waits(undefined)
  if (waitedFor !== undefined) onWait(`starting in place of ${waitedFor}`)
  return database
}
