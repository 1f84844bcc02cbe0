import type pg from 'pg'
import { StoreClient } from './client.ts'

/** So that a unit of thousands of writes does not fill the memory with what is on its way. */
const mostUnderWay = 64

/** Those that answer with nothing that anybody reads: of how many rows they changed, nothing is known. */
const answersNothing = /^(insert|update|savepoint)\b(?!.*\sreturning\s)/is
const goesBack = /^rollback\b/i

/**
 * The connection of a writer, on which statements are sent one behind another (`pipeline`), and one that only writes is not waited for:
 * a unit of work takes as many ways to the server and back as it reads. What such a statement did wrong is thrown by the next one that
 * is waited for, at the latest by the one that releases the savepoint of the unit, and by all of them until the transaction goes back.
 */
export class WriterClient extends StoreClient {
  readonly #underWay = new Set<Promise<void>>()
  #fault: { error: unknown } | undefined

  constructor(config?: pg.ClientConfig) {
    super({ ...config, pipeline: true })
  }

  // biome-ignore lint/suspicious/noExplicitAny: as in StoreClient
  override query(...[text, values]: any[]): any {
    return answersNothing.test(text) ? this.#send(text, values) : this.#ask(text, values)
  }

  async #send(text: string, values: unknown[]): Promise<Pick<pg.QueryResult, 'command' | 'rows'>> {
    const sent = Promise.resolve(super.query(text, values))
      .catch((error: unknown) => {
        this.#fault ??= { error }
      })
      .then(() => void this.#underWay.delete(sent))
    this.#underWay.add(sent)
    if (this.#underWay.size >= mostUnderWay) await sent
    return { command: '', rows: [] }
  }

  async #ask(text: string, values: unknown[]): Promise<pg.QueryResult> {
    const [asked] = await Promise.allSettled([super.query(text, values), ...this.#underWay])
    if (goesBack.test(text)) this.#fault = undefined
    else if (this.#fault) throw this.#fault.error
    if (asked.status === 'rejected') throw asked.reason
    return asked.value
  }
}
