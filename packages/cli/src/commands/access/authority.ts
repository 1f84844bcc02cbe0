import type { AuthorityStatus } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import type { Command } from 'commander'
import { type Admin, call, noun } from '../../command.ts'
import { nodesWithReasons } from './nodes-with-reasons.ts'

export const authorityCommands = noun(
  {
    name: 'authority',
    description: 'whom nodes trust as this control plane: the CA of its certificate',
  },
  call({
    name: 'status',
    description: 'show the authorities, and which nodes do not trust the newest yet',
    examples: ['plexctl authority status', 'plexctl authority status --json'],
    call: (admin: Admin) => admin.getAuthorities({}),
    lines: linesOf,
  }),
  call({
    name: 'show',
    description: 'print the certificates of all that nodes trust, as ca.crt has them',
    examples: ['plexctl authority show > ca.crt', 'plexctl authority show --json'],
    async call(admin: Admin) {
      const { body, ...answer } = await admin.getAuthorities({})
      if (body.no_effect !== undefined) throw trustedByNobody(body.no_effect)
      return { ...answer, body: body.authorities }
    },
    document: (authorities) => authorities.map(({ certificate }) => certificate).join(''),
  }),
  call({
    name: 'prepare',
    description: 'make the next authority, and have all nodes trust it beside the one in use',
    examples: ['plexctl authority prepare'],
    call: (admin: Admin) => admin.prepareAuthority({}),
    text: ({ nodes }) =>
      `the next authority is there, and ${nodes} nodes are told; operators that have a copy of ca.crt want a new one: plexctl authority show > ca.crt; when nodes trust it (plexctl authority status): plexctl authority activate`,
  }),
  call({
    name: 'activate',
    description:
      'serve with a certificate of the next authority; refused while nodes do not trust it',
    flags: addForce('leave nodes behind that do not trust it'),
    examples: ['plexctl authority activate', 'plexctl authority activate --force --yes'],
    asks: ({ force }: ForceFlag) =>
      force ? 'leave nodes behind that do not trust the next authority' : undefined,
    call: (admin: Admin, flags: ForceFlag) => admin.activateAuthority({ query: queryOf(flags) }),
    text: () => activated,
  }),
  call({
    name: 'retire',
    description:
      'have no node trust the previous authority any more; refused while join strings may name it',
    flags: addForce('end join strings that name it'),
    examples: ['plexctl authority retire', 'plexctl authority retire --force --yes'],
    asks: (_flags: ForceFlag) => 'have no node trust the previous authority any more',
    call: (admin: Admin, flags: ForceFlag) => admin.retireAuthority({ query: queryOf(flags) }),
    text: () =>
      'the previous authority is retired; operators want the new ca.crt (plexctl authority show), and a backup from before shows a certificate that nodes do not trust: make a new one',
  }),
)

const activated =
  'the certificate that is served is of the next authority now; the previous one is trusted until: plexctl authority retire'

function trustedByNobody(why: string): CliError {
  return new CliError(`show authorities: nodes are told to trust none: ${why}`, exitCodes.failed)
}

interface ForceFlag {
  force?: boolean
}

function addForce(help: string) {
  return (command: Command) => command.option('--force', help)
}

function queryOf({ force }: ForceFlag): { force?: 'true' } {
  return force ? { force: 'true' } : {}
}

function linesOf(status: AuthorityStatus): Record<string, string> {
  const {
    stage,
    authorities,
    nodes,
    behind_count,
    joins,
    elsewhere,
    next_step,
    no_effect = '',
  } = status
  const isGoingOn = stage !== 'settled' && no_effect === ''
  return {
    'no effect': no_effect,
    stage,
    ...Object.fromEntries(
      authorities.map(({ state, fingerprint, expires_at }) => [
        state,
        `${fingerprint}, until ${expires_at.slice(0, 10)}`,
      ]),
    ),
    ...(isGoingOn ? { 'trusted by': `${nodes - behind_count} of ${nodes} nodes` } : {}),
    'not by': nodesWithReasons(status.behind, behind_count),
    'not heeded by': nodesWithReasons(status.ahead, status.ahead_count),
    'may be named by': joins
      .map(({ token_id, expires_at }) => `${token_id} (until ${expires_at})`)
      .join('; '),
    'of other tenants': elsewhere ? describeElsewhere(elsewhere) : '',
    'next step': next_step,
  }
}

function describeElsewhere({
  behind_count,
  joins_count,
}: NonNullable<AuthorityStatus['elsewhere']>): string {
  return `${behind_count} nodes do not trust the newest, ${joins_count} tokens may name the previous one`
}
