import { ExecError } from '@plexd/runtime'
import { switchText } from '../rules/base-chains.ts'
import { buildText } from '../rules/deciding-chains.ts'
import { compileRuleset } from '../rules/ruleset.ts'

/** For a dry run: a ruleset with every feature that ours use, in a table that does not exist. */
export function probeText(): string {
  const rule = { src: '10.0.0.0/8', dst: '*', protocol: 'tcp', action: 'deny' } as const
  const rules = [
    { ...rule, port: 22 },
    { ...rule, port: 0 },
  ]
  const { ruleset } = compileRuleset([{ id: 'probe', rules }], {
    interface: 'plexd0',
    wireguardPort: 51_820,
    meshIp: '10.100.1.2',
    meshRanges: ['10.100.0.0/16', '10.101.0.0/16'],
    exceptions: ['10.100.7.0/24'],
    mtu: 1_420,
    defaultAction: 'deny',
    logDenied: true,
    meshIpOf: () => undefined,
  })
  const text = buildText(ruleset, 1) + switchText(ruleset, 1)
  return text.replaceAll('inet plexd', 'inet plexd_probe')
}

const cannot = 'the mesh waits, because its packets cannot be filtered'

/** Why rulesets cannot be applied, and the remedy. Throws any error that is not of nft. */
export function describeProblem(error: unknown): string {
  if (!(error instanceof ExecError)) throw error
  if (error.missing)
    return `${cannot}: nft is missing; install it with "apt-get install nftables", or go without a filter with "policy.enabled: false" in the config`
  if (error.stderr.includes('Operation not permitted'))
    return `${cannot}: plexd may not change the packet filter; run it as root or with CAP_NET_ADMIN`
  const [reason] = error.stderr.split('\n')
  return `${cannot}: nft or the kernel is too old (${reason || error.message}); want nftables 1.0 and Linux 5.10 or newer`
}
