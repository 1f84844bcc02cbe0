/** An action as far as patterns tell them apart. A hook's name is without `hooks/`. */
export interface NamedAction {
  type: 'builtin' | 'hook'
  name: string
}

/**
 * Whether one of the patterns allows the action: `*` any, `ns.*` built-in ones whose name begins with `ns.`, `hooks/*` any hook, and
 * otherwise the name itself, for hooks also `hooks/NAME`. Pure.
 */
export function allowsAction(patterns: readonly string[], action: NamedAction): boolean {
  return patterns.some((pattern) => matches(pattern, action))
}

function matches(pattern: string, { type, name }: NamedAction): boolean {
  if (pattern === '*' || pattern === name) return true
  if (type === 'hook') return pattern === 'hooks/*' || pattern === `hooks/${name}`
  // The dot stays: `service.*` does not allow "services".
  return /^[^*]+\.\*$/.test(pattern) && name.startsWith(pattern.slice(0, -1))
}
