import { ApiError, nearest } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import type { Admin } from '../../command.ts'
import { type Noun, readNames } from './names.ts'

interface Shown {
  /** The command that lists them. */
  list: string
  /** What they are called where names are completed. */
  noun?: Noun
}

/** By what errors of the control plane call them. */
export const shownBy: Readonly<Record<string, Shown>> = {
  node: { list: 'plexctl node list', noun: 'node' },
  policy: { list: 'plexctl policy list', noun: 'policy' },
  'data entry': { list: 'plexctl data list', noun: 'data' },
  secret: { list: 'plexctl secret list', noun: 'secret' },
  run: { list: 'plexctl action runs list', noun: 'run' },
  execution: { list: 'plexctl action list' },
  schedule: { list: 'plexctl action schedule list', noun: 'schedule' },
  session: { list: 'plexctl session list', noun: 'session' },
  'alert rule': { list: 'plexctl alerts rules list', noun: 'alert_rule' },
  webhook: { list: 'plexctl alerts webhooks list', noun: 'alert_webhook' },
  silence: { list: 'plexctl alerts silences list' },
  token: { list: 'plexctl token list' },
  'admin token': { list: 'plexctl admin-token list' },
  'mesh range': { list: 'plexctl mesh range list' },
  plexd: { list: 'plexctl artifact list' },
}

/** Nobody waits longer for a hint. */
const patienceMs = 3_000

/** An error that says there is no such thing, with the name that may have been meant, and where the names are; any other as it is. */
export async function withNearNames(
  error: unknown,
  connect: () => Promise<{ admin: Admin }>,
): Promise<unknown> {
  if (!(error instanceof ApiError) || error.status !== 404) return error
  const [, noun = '', name] =
    /^there is no ([a-z ]+?) (?:"([^"]*)"|[\d.]+)/.exec(error.message) ?? []
  const shown = shownBy[noun]
  if (!shown) return error
  const near = name === undefined ? undefined : await nearName(shown, name, connect)
  const meant = near === undefined ? '' : `did you mean "${near}"? `
  return new CliError(
    `${error.message}: ${meant}"${shown.list}" shows those that there are`,
    exitCodes.notFound,
    { remedy: shown.list },
  )
}

/** Undefined where nobody knows: the error is told all the same. */
async function nearName(
  { noun }: Shown,
  name: string,
  connect: () => Promise<{ admin: Admin }>,
): Promise<string | undefined> {
  if (noun === undefined) return undefined
  try {
    const { admin } = await connect()
    const signal = AbortSignal.timeout(patienceMs)
    const names = await readNames(admin, noun, { operands: [], start: '', signal })
    return nearest(name, names) ?? names.find((known) => isPart(known, name))
  } catch {
    return undefined
  }
}

/** `web` for `web-01`, and the other way round. */
function isPart(known: string, given: string): boolean {
  return given.length > 2 && (known.startsWith(given) || given.startsWith(`${known}.`))
}
