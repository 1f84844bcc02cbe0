import type { Agent } from './agent.ts'
import type { LiveOptions } from './worker-api.ts'

/** What agents do periodically, each in its own rhythm. */
export interface Life {
  /** Replaces what they did before. An agent that is not yet registered joins in once it is. */
  start(agents: readonly Agent[], options: LiveOptions): void
  hang(agents: readonly Agent[]): void
  recover(agents: readonly Agent[]): void
}

export function createLife(): Life {
  /** Loops of an earlier generation end. */
  let generation = 0
  const hanging = new Set<Agent>()

  return {
    start(agents, { heartbeatMs, pullMs, endpointMs }) {
      const own = ++generation
      const repeat = (agent: Agent, everyMs: number, run: () => Promise<unknown>): void => {
        if (everyMs === 0) return
        const isSilent = (): boolean => !agent.identity || hanging.has(agent)
        const unlessSilent = async () => (isSilent() ? undefined : run())
        void agent.repeat(everyMs, unlessSilent, () => generation !== own)
      }
      for (const agent of agents) {
        repeat(agent, heartbeatMs, () => agent.heartbeat({ pulls: pullMs > 0 }))
        repeat(agent, pullMs, () => agent.pull())
        repeat(agent, endpointMs, () => agent.reportEndpoint())
      }
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
