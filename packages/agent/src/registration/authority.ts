import { readFile } from 'node:fs/promises'
import { errorOf } from '@plexd/protocol'
import {
  CliError,
  certificatesIn,
  endorsedBy,
  exitCodes,
  fingerprintOf,
  undefinedIfMissing,
  writeFileAtomic,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { type Addresses, createAddresses } from '../control/client/addresses.ts'
import { failureOf } from '../control/client/failure.ts'
import { connectToAnybody } from '../control/client/to-anybody.ts'
import { type Patience, untilAnswered } from './until-answered.ts'

/**
 * Makes sure that the CA file holds the authority that `ca_fingerprint` names: fetches it from the control plane, whoever that
 * is, and keeps it only if it is that one. Before this nothing secret is sent. Does nothing without a fingerprint.
 */
export async function ensureAuthority(
  patience: Patience & { addresses?: Addresses },
): Promise<void> {
  const { config, addresses = createAddresses(config), log } = patience
  const { caFile, caFingerprint } = config
  if (caFile === undefined || caFingerprint === undefined) return
  if (await holdsAuthority(caFile, caFingerprint)) return
  const pem = await untilAnswered(() => fetchAuthority(config, addresses), {
    ...patience,
    what: 'fetching the authority',
    explain: (error) => failureOf(error, config),
  })
  const trusted = trustedIn(pem, caFingerprint)
  if (trusted === undefined) throw anotherAuthority({ ...config, ...addresses.inUse() }, pem)
  await writeFileAtomic(caFile, trusted, { mode: 0o644 })
  log.info('authority fetched', { ca_fingerprint: caFingerprint, file: caFile })
}

/** Whether the file, if it is there, has the authority of this fingerprint. */
export async function holdsAuthority(file: string, fingerprint: string): Promise<boolean> {
  const pem = (await readFile(file, 'utf8').catch(undefinedIfMissing)) ?? ''
  return trustedIn(pem, fingerprint) !== undefined
}

async function fetchAuthority(
  { requestTimeoutMs }: AgentConfig,
  addresses: Addresses,
): Promise<string> {
  const answer = await addresses.ask({
    async ask(place) {
      using transport = connectToAnybody({ ...place, requestTimeoutMs })
      return await transport({ method: 'GET', path: '/ca.crt', headers: {} })
    },
    answerOf: (answer) => answer,
  })
  if (answer.status !== 200) throw errorOf(answer)
  return answer.body
}

/** The authority of this fingerprint, and that which it vouches for, as while one replaces the other. */
function trustedIn(pem: string, fingerprint: string): string | undefined {
  const wanted = certificatesIn(pem).find((one) => fingerprintOf(one) === fingerprint)
  if (wanted === undefined) return undefined
  return [...new Set([wanted, ...endorsedBy(wanted, pem)])].join('')
}

/** Whoever answers chooses how many there are. */
const maxNamed = 3

function anotherAuthority({ apiUrl, caFingerprint }: AgentConfig, pem: string): CliError {
  const seen = [...new Set(certificatesIn(pem).map(fingerprintOf))]
  const others = seen.length > maxNamed ? ` and ${seen.length - maxNamed} others` : ''
  const named = seen.slice(0, maxNamed).join(', ')
  const what = seen.length === 0 ? 'sent no certificate' : `has the authority ${named}${others}`
  return new CliError(
    `trust the control plane: what answers at "${apiUrl}" ${what}, and ${caFingerprint} is wanted: this is another control plane, or somebody in between; no token was sent. If its authority was replaced, make a new join string with "plexctl token create --join"`,
    exitCodes.denied,
  )
}
