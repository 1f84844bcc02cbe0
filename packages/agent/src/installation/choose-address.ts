/** Where an address leads, as far as one can see. */
export interface Sight {
  /** Of the control plane there, which has proved that it is ours; undefined if nobody has. */
  life: string | undefined
}

export interface Situation {
  /** Where this node has its control plane. */
  current: string
  /** Where that says it will be, the best first. */
  urls: readonly string[]
  sights: ReadonlyMap<string, Sight>
  /** Whether the current address led nowhere at the look before, too: one may be bad luck. */
  wasGone: boolean
}

export type Choice =
  | { goTo: string }
  /** `problem`: what a person has to do; empty for nothing. */
  | { goTo: undefined; problem: string }

const stay: Choice = { goTo: undefined, problem: '' }

/** Whether there is another address to look at: a better one than that which answers, or any if that does not. Pure. */
export function hasWhereToGo(
  { current, urls }: Pick<Situation, 'current' | 'urls'>,
  isDown: boolean,
): boolean {
  return isDown ? urls.some((url) => url !== current) : urls[0] !== undefined && urls[0] !== current
}

/**
 * Whether to go to one of the announced addresses. The one that a node has is left if it leads nowhere, or if a better one leads to
 * the very same control plane. While another one of the same installation answers there, two of them run, and nobody
 * should go anywhere. Pure.
 */
export function chooseAddress({ current, urls, sights, wasGone }: Situation): Choice {
  const lifeAt = (url: string): string | undefined => sights.get(url)?.life
  const here = lifeAt(current)
  if (here === undefined) {
    const other = urls.find((url) => url !== current && lifeAt(url) !== undefined)
    return other === undefined || !wasGone ? stay : { goTo: other }
  }
  const better = urls.slice(0, urls.includes(current) ? urls.indexOf(current) : urls.length)
  const open = better.find((url) => lifeAt(url) !== undefined)
  if (open === undefined) return stay
  if (lifeAt(open) === here) return { goTo: open }
  return {
    goTo: undefined,
    problem: `two control planes of this installation run, at "${current}" and at "${open}": stop the old one for good, or what nodes say is divided among them`,
  }
}
