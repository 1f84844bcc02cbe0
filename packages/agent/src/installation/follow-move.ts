import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { namesPlace, placesOf } from '../config/places.ts'
import { rememberAddress } from '../config/remembered.ts'
import type { AnswerGate } from '../control/client/answer-gate.ts'
import type { Problems } from '../health/problems.ts'
import { startRounds } from '../process/task.ts'
import { askInstallation } from './ask-installation.ts'
import { chooseAddress, hasWhereToGo, type Sight } from './choose-address.ts'
import type { Installation } from './installation.ts'

interface Deps {
  config: Pick<AgentConfig, 'apiUrl' | 'apiUrlChosen' | 'caFile' | 'dataDir' | 'requestTimeoutMs'> &
    Partial<Pick<AgentConfig, 'otherPlaces'>>
  env: NodeJS.ProcessEnv
  installation: Pick<Installation, 'urls' | 'onChange'>
  gate: Pick<AnswerGate, 'isDown'>
  /** That verify a proof. */
  keys(): readonly string[]
  /** Goes on with what is remembered. */
  restart(): void
  problems: Pick<Problems, 'set'>
  clock: Clock
  log: Log
}

/** While the control plane does not answer. */
const lookMs = 5_000
/** While it does. */
const idleLookMs = 60_000

/**
 * Looks at the addresses that the control plane has announced, and goes over when that is right: the new address is remembered, and
 * the daemon starts again with it. Its mesh stays meanwhile. Does nothing where the settings name the address.
 */
export function startFollowingMove(deps: Deps): AsyncDisposable {
  const { config, installation, gate, problems, clock, log } = deps
  const { apiUrl: current } = config
  const isOneOfSeveral = placesOf(config).length > 1
  let wasGone = false
  let lookedMs = Number.NEGATIVE_INFINITY
  let said = ''

  async function round(signal: AbortSignal): Promise<void> {
    if (!isWanted()) return settle()
    if (!isDue()) return
    lookedMs = clock.monotonic()
    try {
      await look(signal)
    } catch (error) {
      signal.throwIfAborted()
      const why = describeError(error)
      problems.set('move', `the control plane has moved, and this node cannot go there: ${why}`)
      log.warn('cannot go where the control plane has moved', { error: why })
    }
  }

  function isWanted(): boolean {
    if (config.apiUrlChosen || (isOneOfSeveral && !gate.isDown())) return false
    return hasWhereToGo({ current, urls: announced() }, gate.isDown())
  }

  /** Several addresses that somebody has named are several control planes, and none is better: only when none answers is another looked at. */
  function announced(): readonly string[] {
    const urls = installation.urls()
    return isOneOfSeveral ? urls.filter((url) => !namesPlace(config, url)) : urls
  }

  /** What was seen and said before says nothing of the next time. */
  function settle(): void {
    wasGone = false
    problems.set('move', undefined)
  }

  const isDue = (): boolean => gate.isDown() || clock.monotonic() - lookedMs >= idleLookMs

  async function look(signal: AbortSignal): Promise<void> {
    const urls = announced()
    const sights = await see([...new Set([current, ...urls])], signal)
    const choice = chooseAddress({ current, urls, sights, wasGone })
    wasGone = sights.get(current)?.life === undefined
    if (choice.goTo === undefined) return problems.set('move', choice.problem || undefined)
    await rememberAddress(config.dataDir, choice.goTo)
    log.info('the control plane has moved, going there', { from: current, to: choice.goTo })
    deps.restart()
  }

  async function see(urls: readonly string[], signal: AbortSignal): Promise<Map<string, Sight>> {
    const asking = { config, env: deps.env, keys: deps.keys(), signal }
    const sights = new Map<string, Sight>()
    const failures: string[] = []
    for (const url of urls)
      sights.set(
        url,
        await askInstallation(url, asking).catch((error: unknown) => {
          signal.throwIfAborted()
          failures.push(`"${url}": ${describeError(error)}`)
          return { life: undefined }
        }),
      )
    tellOnce(failures.join('; '))
    return sights
  }

  function tellOnce(failures: string): void {
    if (failures !== said && failures !== '')
      log.info('announced addresses do not lead to the control plane yet', { failures })
    said = failures
  }

  const stop = installation.onChange(() => {
    lookedMs = Number.NEGATIVE_INFINITY
  })
  const rounds = startRounds({ clock, ms: lookMs }, round)
  return {
    async [Symbol.asyncDispose]() {
      stop()
      await rounds[Symbol.asyncDispose]()
    },
  }
}
