import { withSocket, withUrl } from './forms.ts'
import type { CommandRow } from './row.ts'

/** How this node is, for who looks. */
export const lookCommands: Record<string, CommandRow> = {
  status: {
    description: 'Show how the daemon is doing and what needs a hand',
    form: withSocket,
    examples: [
      ['plexd status', 'for people; exit code 5 when no daemon runs'],
      ["plexd status --json | jq '.problems'", 'for scripts'],
    ],
    load: async () => (await import('../local/status.ts')).runStatus,
  },
  peers: {
    description: 'Show how each peer is reached, and why one is not',
    form: withSocket,
    examples: [
      ['plexd peers', 'for people'],
      [`plexd peers --json | jq '.[] | select(.state != "connected")'`, 'for scripts'],
    ],
    load: async () => (await import('../local/peers.ts')).runPeers,
  },
  policies: {
    description: 'Show the rules that this node enforces, and how many packets each decided',
    form: withSocket,
    examples: [
      ['plexd policies', 'in the order in which they are tried'],
      [`plexd policies --json | jq '.rules[] | select(.action == "deny")'`, 'for scripts'],
    ],
    load: async () => (await import('../local/policies.ts')).runPolicies,
  },
  netcheck: {
    description: 'Look how this node is seen from the internet: endpoint, NAT type, and why',
    form: withSocket,
    examples: [
      ['plexd netcheck', 'takes up to ten seconds where UDP is blocked'],
      ['plexd netcheck --json | jq -r .public_endpoint', 'for scripts'],
    ],
    load: async () => (await import('../local/netcheck.ts')).runNetcheck,
  },
  doctor: {
    description: 'Check all that plexd needs on this machine, each with its remedy',
    form: (command) => withUrl(withSocket(command)),
    examples: [
      ['sudo plexd doctor', 'exit code 1 when something must be mended'],
      [`plexd doctor --json | jq '.[] | select(.state == "failed")'`, 'for scripts'],
    ],
    load: async () => (await import('../doctor.ts')).runDoctor,
  },
  bugreport: {
    description:
      'Gather what support wants to see in one file, without a secret; works without the daemon',
    form: (command) =>
      withUrl(withSocket(command))
        .option(
          '--out <file>',
          'a new file, or "-" for stdout; named by machine and time by default',
        )
        .option('--since <duration>', 'how far back the log goes', '1h'),
    examples: [
      ['sudo plexd bugreport', 'a tar.gz in the current folder; look before you send it'],
      ['sudo plexd bugreport --since 24h --out /tmp/report.tar.gz', 'with the log of a day'],
      ['ssh web-01 sudo plexd bugreport --out - > web-01.tar.gz', 'where the disk is full'],
    ],
    load: async () => (await import('../bugreport.ts')).runBugreport,
  },
}
