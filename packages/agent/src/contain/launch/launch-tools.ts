import { describeMissing, findTool, installTool } from '@plexd/runtime'

/** The programs that start others. */
const names = ['sh', 'env', 'setpriv', 'prlimit', 'unshare', 'bwrap', 'podman'] as const
export type LaunchTool = (typeof names)[number]

/** The path of one, whatever PATH the program is given. Throws if it is not installed. */
export type LaunchTools = (tool: LaunchTool) => string

/** What was found is remembered; what is missing may be installed at any time. */
export function createToolFinder(find = findTool): () => Promise<LaunchTools> {
  const paths = new Map<LaunchTool, string>()

  async function look(tool: LaunchTool): Promise<void> {
    const path = paths.get(tool) ?? (await find(tool))
    if (path !== undefined) paths.set(tool, path)
  }

  return async () => {
    await Promise.all(names.map(look))
    return (tool) => {
      const path = paths.get(tool)
      if (path === undefined) throw new Error(`${describeMissing(tool)}: ${installTool(tool)}`)
      return path
    }
  }
}
