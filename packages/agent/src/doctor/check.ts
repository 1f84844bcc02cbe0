import type { AgentConfig } from '../config.ts'

/** One thing that plexd needs. Checks run side by side, and none changes anything. */
export interface Check {
  name: string
  run(config: AgentConfig): Promise<Finding>
}

export type Finding =
  | { state: 'ok'; detail: string }
  /** `remedy`: what to type, or to do. */
  | { state: 'warning' | 'failed'; detail: string; remedy: string }

export const ok = (detail: string): Finding => ({ state: 'ok', detail })
export const warning = (detail: string, remedy: string): Finding => ({
  state: 'warning',
  detail,
  remedy,
})
export const failed = (detail: string, remedy: string): Finding => ({
  state: 'failed',
  detail,
  remedy,
})
