import type { Action } from '../define.ts'
import { healthCheck } from './health-check.ts'
import type { NodeFacts } from './node-facts.ts'
import { systemInfo } from './system-info.ts'

export function builtinActions(facts: NodeFacts): Action[] {
  return [systemInfo(facts), healthCheck(facts)]
}
