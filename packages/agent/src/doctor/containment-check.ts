import { type Check, type Finding, ok, warning } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { findFacts, forgetFacts } from '../contain/groups/find-facts.ts'
import { chooseMethod, describeMethod } from '../contain/groups/method.ts'

/** How the programs of actions are ended and limited on this machine. */
export const containmentCheck: Check<AgentConfig> = { name: 'containment', run: checkContainment }

/** Tried in groups of its own, which are removed at once: those of a running daemon are left alone. */
async function checkContainment(): Promise<Finding> {
  const facts = await findFacts(`plexd-doctor-${process.pid}`)
  await forgetFacts(facts)
  const { isWhole, text } = describeMethod(chooseMethod(facts))
  if (isWhole) return ok(text)
  return warning(text, remedy())
}

function remedy(): string {
  return process.getuid?.() === 0
    ? 'mount control groups, of version 2 if possible: mount -t cgroup2 none /sys/fs/cgroup'
    : 'run plexd as root, or with a delegated control group'
}
