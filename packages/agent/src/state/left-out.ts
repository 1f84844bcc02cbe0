import { type Static, Type } from 'typebox'

/** An entry that the control plane has for this node, and which the node cannot take. */
export const LeftOut = Type.Object({
  list: Type.Enum(['data', 'secret_refs']),
  /** As much of it as a person needs to know it again. */
  key: Type.String(),
  why: Type.String(),
})
export type LeftOut = Static<typeof LeftOut>

const maxShownChars = 64
const maxNamed = 3

export function leftOut(list: LeftOut['list'], key: string, why: string): LeftOut {
  const shown = key.length > maxShownChars ? `${key.slice(0, maxShownChars)}…` : key
  return { list, key: shown, why }
}

/** The problem for people; empty when nothing is left out. Pure. */
export function describeLeftOut(all: readonly LeftOut[]): string {
  if (all.length === 0) return ''
  const named = all
    .slice(0, maxNamed)
    .map(({ list, key, why }) => `${nouns[list]} "${key}" (${why})`)
  const more = all.length > maxNamed ? ` and ${all.length - maxNamed} more` : ''
  return `left out, because this node cannot take it: ${named.join(', ')}${more}: write it anew or delete it with plexctl`
}

const nouns = { data: 'data entry', secret_refs: 'secret' } as const
