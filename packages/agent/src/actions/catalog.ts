import { createListeners } from '../process/listeners.ts'
import type { Action } from './define.ts'

/** The actions that this node can run; those of a type may change while it does. */
export interface ActionCatalog {
  /** Builtin actions first, then hooks. */
  all(): readonly Action[]
  /** A hook also by `hooks/<name>`. */
  find(name: string): Action | undefined
  /** Returns the function that ends it. */
  onChange(listener: () => void): () => void
}

/** The same, for those who know the actions of a type. */
export interface OpenCatalog extends ActionCatalog {
  /** Replaces all actions of a type. */
  replace(type: Action['type'], actions: readonly Action[]): void
}

/** A hook with the name of a builtin action is not found. */
export function createActionCatalog(): OpenCatalog {
  const byType = new Map<Action['type'], readonly Action[]>()
  const changes = createListeners()
  const all = (): readonly Action[] => [
    ...(byType.get('builtin') ?? []),
    ...(byType.get('hook') ?? []),
  ]
  return {
    all,
    find: (name) =>
      all().find((action) => action.name === name) ??
      byType.get('hook')?.find((hook) => `hooks/${hook.name}` === name),
    onChange: changes.add,
    replace(type, actions) {
      byType.set(type, actions)
      changes.tell()
    },
  }
}
