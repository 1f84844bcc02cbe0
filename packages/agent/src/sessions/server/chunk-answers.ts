/** Chunks of recordings that the daemon was given to store, and has not answered yet. */
export interface ChunkAnswers {
  /** Resolves once it is stored; rejects if it cannot be. */
  wait(sessionId: string, index: number): Promise<void>
  /** `why` it could not be stored; it was, when left out. */
  settle(sessionId: string, index: number, why?: string): void
  /** Nobody answers any more: rejects what is asked from now on. */
  refuse(): void
  /** Rejects what was asked before, too. */
  end(): void
}

export function createChunkAnswers(): ChunkAnswers {
  /** By session and index. */
  const waiting = new Map<string, PromiseWithResolvers<void>>()
  let isAlone = false
  const alone = (): Error => new Error('the daemon has ended')

  return {
    wait(sessionId, index) {
      const answer = Promise.withResolvers<void>()
      if (isAlone) answer.reject(alone())
      waiting.set(`${sessionId} ${index}`, answer)
      return answer.promise
    },
    settle(sessionId, index, why) {
      const key = `${sessionId} ${index}`
      const answer = waiting.get(key)
      waiting.delete(key)
      if (why === undefined) answer?.resolve()
      else answer?.reject(new Error(why))
    },
    refuse() {
      isAlone = true
    },
    end() {
      for (const answer of waiting.values()) answer.reject(alone())
    },
  }
}
