import {
  type AdminApi,
  type Client,
  formatNode,
  isNodeId,
  type NamedTarget,
  type Target,
} from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import { type Command, Option } from 'commander'
import { selectorFlag } from '../terminal/input.ts'

/** The target of a data entry or a secret. */
export interface TargetFlags {
  node?: string
  selector?: string
}

/** `more` describes what else the selectors of this command can match. */
export function addTargetFlags(command: Command, more = ''): Command {
  return command
    .addOption(
      new Option('--node <node>', 'for one node: its id or hostname').conflicts('selector'),
    )
    .addOption(
      new Option(
        '--selector <selector>',
        `for every node that the label selector matches, now and later: "env=prod,role in (web,api)", or "*"${more}`,
      ).argParser(selectorFlag),
    )
}

/** The target in the form of the admin API: a hostname is resolved, because bodies contain node ids. */
export async function targetOf(
  admin: Client<AdminApi>,
  { node, selector }: TargetFlags,
): Promise<Target> {
  if (selector !== undefined) return { selector }
  if (node === undefined) {
    throw new CliError('no target given: use --node NODE or --selector SELECTOR', exitCodes.usage)
  }
  if (isNodeId(node)) return { node_id: node }
  const { body } = await admin.getNode({ params: { node } })
  return { node_id: body.id }
}

/** The target from the flags, with the hostname if that was typed. */
export function describeTarget({ node }: TargetFlags, target: Target): string {
  return formatTarget(node === target.node_id ? target : { ...target, node_hostname: node })
}

export function formatTarget({ node_id, node_hostname, selector }: NamedTarget): string {
  return node_id === undefined ? (selector ?? '') : formatNode(node_id, node_hostname)
}
