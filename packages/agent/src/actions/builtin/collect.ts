import { Type } from 'typebox'
import { collectSections, printSections, type Section } from '../sections.ts'
import { describeSettings } from './config-dump.ts'
import { defineBuiltin } from './define-builtin.ts'
import { machineSections, networkSections, processSections } from './machine-sections.ts'
import type { NodeFacts } from './node-facts.ts'
import { describeSystem } from './system-info.ts'

export const collect = defineBuiltin({
  name: 'diagnostics.collect',
  description:
    'Gather what support wants to see, as JSON with a section for each subject; a section that cannot be read says why',
  parameters: Type.Object({
    include_network: Type.Boolean({
      default: true,
      description: 'Addresses, routes, peers, policies and packet filter',
    }),
    include_processes: Type.Boolean({
      default: false,
      description: 'The largest processes, by name; never their arguments',
    }),
  }),
  timeoutMs: 60_000,
  standsAlone: true,
  async run({ include_network, include_processes }, node, { signal, outputBytes }) {
    const sections = await collectSections(
      {
        ...nodeSections(node),
        ...machineSections(node.config),
        ...(include_network ? { ...networkSections, ...meshSections(node) } : {}),
        ...(include_processes ? processSections : {}),
        log: async (within) =>
          (await node.readLog({ lines: 100, sinceMs: undefined }, within)).lines,
      },
      { signal, clock: node.clock },
    )
    return { exit_code: 0, stdout: printSections(sections, outputBytes - spareBytes), stderr: '' }
  },
})

/** What stands in place of a secret may be longer than that. */
const spareBytes = 1_024

function nodeSections(node: NodeFacts): Record<string, Section> {
  return {
    status: () => node.status(),
    system: () => describeSystem(node),
    config: () => describeSettings(node.config, true),
  }
}

/** Keys of peers are public ones. */
function meshSections(node: NodeFacts): Record<string, Section> {
  return { peers: () => node.peers(), policies: () => node.policies() }
}
