import type { RunSpec } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import type { Command } from 'commander'
import {
  collectPair,
  collectText,
  countFlag,
  durationFlag,
  selectorFlag,
  wholeFlag,
} from '../../terminal/input.ts'

/** What is run, on which of many nodes, and how many at a time. */
export interface RunFlags {
  selector?: string
  node?: string[]
  param?: Record<string, string>
  timeout?: string
  maxParallel?: number
  maxFailures?: number
  canary?: number
  expires?: string
  runExpires?: string
  healthyWithin?: string
}

export function addActionFlags(command: Command): Command {
  return command
    .option('--param <key=value>', 'parameter; may be repeated', collectPair)
    .option(
      '--timeout <duration>',
      'how long it may run on a node (default: what the action declares, or 30s)',
      durationFlag,
    )
    .option('--expires <duration>', 'how long it may wait until the node accepts it', durationFlag)
}

/** For a command on many nodes. */
export function addManyFlags(command: Command): Command {
  return command
    .option('--selector <selector>', 'on every node that it matches', selectorFlag)
    .option('--node <node>', 'on this node, by id or hostname; may be repeated', collectText)
    .option('--max-parallel <n>', 'how many nodes run it at a time (default 10)', countFlag)
    .option(
      '--max-failures <n>',
      'how many nodes may fail before no further one begins (default 0)',
      wholeFlag,
    )
    .option('--canary <n>', 'so many go first; the others wait for their success', countFlag)
    .option(
      '--healthy-within <duration>',
      'a node has succeeded when it sends a healthy heartbeat so soon after the action',
      durationFlag,
    )
    .option(
      '--run-expires <duration>',
      'after which no further node begins (default 24h)',
      durationFlag,
    )
}

/** Throws a CliError unless the nodes are given in one way. */
export function specOf(action: string, flags: RunFlags): RunSpec {
  if ((flags.selector === undefined) === (flags.node === undefined))
    throw new CliError('want either --selector or --node', exitCodes.usage)
  return { action, parameters: flags.param, ...spreadOf(flags) }
}

/** All but what is run. */
export function spreadOf(flags: RunFlags): Omit<RunSpec, 'action' | 'parameters'> {
  return {
    selector: flags.selector,
    nodes: flags.node,
    timeout: flags.timeout,
    max_parallel: flags.maxParallel,
    max_failures: flags.maxFailures,
    canary: flags.canary,
    expires: flags.expires,
    healthy_within: flags.healthyWithin,
    run_expires: flags.runExpires,
  }
}

/** Flags that say something of many nodes only, as they are typed. */
export function manyFlagsIn(flags: RunFlags): string[] {
  const { maxParallel, maxFailures, canary, runExpires, healthyWithin } = flags
  return Object.entries({
    '--max-parallel': maxParallel,
    '--max-failures': maxFailures,
    '--canary': canary,
    '--healthy-within': healthyWithin,
    '--run-expires': runExpires,
  }).flatMap(([flag, value]) => (value === undefined ? [] : [flag]))
}
