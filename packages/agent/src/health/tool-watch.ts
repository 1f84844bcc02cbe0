import {
  type Clock,
  describeMissing,
  findTool,
  installTool,
  type Tool,
  tools,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { startTask } from '../process/task.ts'
import type { Problems } from './problems.ts'

export interface ToolWatchOptions {
  config: NeedingConfig
  problems: Pick<Problems, 'set'>
  clock: Pick<Clock, 'sleep'>
  find?: (tool: Tool) => Promise<string | undefined>
}

const lookEachMs = 60_000
/** A missing program may be being installed. */
const waitEachMs = 2_000

/** Reports programs that the mesh needs and that are not installed. */
export function watchTools({
  config,
  problems,
  clock,
  find = findTool,
}: ToolWatchOptions): AsyncDisposable {
  const wanted = meshTools.filter((tool) => isWanted(tool, config))
  return startTask(async (signal) => {
    for (;;) {
      const missing = await missingOf(wanted, find)
      problems.set('tools', missing.map(describe).join('; ') || undefined)
      await clock.sleep(missing.length === 0 ? lookEachMs : waitEachMs, signal)
    }
  })
}

type NeedingConfig = Pick<AgentConfig, 'policyEnabled' | 'natEnabled'>

/** Whether the program is needed with this config. Pure. */
export function isWanted(tool: Tool, { policyEnabled, natEnabled }: NeedingConfig): boolean {
  return tool !== 'nft' || policyEnabled || natEnabled
}

const names = Object.keys(tools) as Tool[] // Object.keys widens them to string
const meshTools = names.filter((name) => tools[name].need === 'mesh')

async function missingOf(
  wanted: readonly Tool[],
  find: (tool: Tool) => Promise<string | undefined>,
): Promise<Tool[]> {
  const places = await Promise.all(wanted.map(find))
  return wanted.filter((_, index) => places[index] === undefined)
}

function describe(tool: Tool): string {
  return `${describeMissing(tool)}: ${installTool(tool)}`
}
