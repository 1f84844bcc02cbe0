import { ApiError, type Capabilities, parseDuration } from '@plexd/protocol'

/** An action as announced by its node. */
export interface AnnouncedAction {
  /** Exactly as announced, because nodes look it up by this name. */
  name: string
  type: 'builtin' | 'hook'
  /** Unchanged too: the node compares it with the file's checksum, Go nodes as text. */
  checksum?: string
  /** If it declares one. */
  timeoutMs?: number
}

/**
 * Finds an action by its name; a hook by `hooks/<name>` or `<name>`. Throws an ApiError: 400 with the names of the node's
 * actions, 409 for a node that announced nothing, because it would never answer.
 */
export function findAction(name: string, capabilities: Capabilities | null): AnnouncedAction {
  const known = announcedActions(capabilities)
  if (known.length === 0)
    throw new ApiError(
      'conflict',
      `the node cannot run "${name}": it has announced no action, because its agent has none or "actions.enabled" is false there`,
    )
  const action =
    known.find((announced) => announced.name === name) ??
    known.find((announced) => announced.type === 'hook' && bare(announced.name) === bare(name))
  if (action) return action
  const names = known.map((announced) => announced.name).sort()
  throw new ApiError(
    'bad_request',
    `the node knows no action "${name}": it knows ${names.join(', ')}`,
  )
}

const hookPrefix = 'hooks/'

function bare(name: string): string {
  return name.startsWith(hookPrefix) ? name.slice(hookPrefix.length) : name
}

function announcedActions(capabilities: Capabilities | null): AnnouncedAction[] {
  return [
    ...(capabilities?.builtin_actions ?? []).map(({ name, timeout }) => ({
      name,
      type: 'builtin' as const,
      ...timeoutOf(timeout),
    })),
    ...(capabilities?.hooks ?? []).map(({ name, checksum, timeout }) => ({
      name,
      type: 'hook' as const,
      ...(checksum === undefined ? {} : { checksum }),
      ...timeoutOf(timeout),
    })),
  ]
}

/** As long as an operator may ask for. */
const longestMs = 24 * 3_600_000

/** Nothing for what is no duration: a Go node announces what its operator wrote. */
function timeoutOf(text = ''): { timeoutMs?: number } {
  try {
    const timeoutMs = parseDuration(text)
    return timeoutMs > 0 ? { timeoutMs: Math.min(timeoutMs, longestMs) } : {}
  } catch {
    return {}
  }
}
