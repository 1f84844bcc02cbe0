import type { Agent } from './agent.ts'
import type { LiveOptions } from './worker-api.ts'

/** What agents do of themselves, again and again, each at its own time. */
export interface Life {
  /** From now on they live so, and as before no more. */
  start(agents: readonly Agent[], options: LiveOptions): void
  end(): void
  hang(agents: readonly Agent[]): void
  recover(agents: readonly Agent[]): void
}

export function createLife(): Life {
  /** Loops of an earlier one end. */
  let generation = 0
  const hanging = new Set<Agent>()

  return {
    start(agents, { heartbeatMs, pullMs, endpointMs }) {
      const own = ++generation
      const repeat = (agent: Agent, everyMs: number, run: () => Promise<unknown>): void => {
        if (everyMs === 0) return
        const unlessHanging = async () => (hanging.has(agent) ? undefined : run())
        void agent.repeat(everyMs, unlessHanging, () => generation !== own)
      }
      for (const agent of agents) {
        repeat(agent, heartbeatMs, () => agent.heartbeat({ pulls: pullMs > 0 }))
        repeat(agent, pullMs, () => agent.pull())
        repeat(agent, endpointMs, () => agent.reportEndpoint())
      }
    },
    end() {
      generation++
    },
    hang(agents) {
      for (const agent of agents) {
        hanging.add(agent)
        agent.hang()
      }
    },
    recover(agents) {
      for (const agent of agents) {
        hanging.delete(agent)
        agent.recover()
      }
    },
  }
}
