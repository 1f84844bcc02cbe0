import type { Chain } from './nft-json.ts'

/** The programs that write chains. */
export type Manager = 'ufw' | 'firewalld' | 'iptables' | 'nft'

export const managers: Record<
  Manager,
  { label: string; remedy(admit: string, chain: Chain): string }
> = {
  ufw: { label: ' (ufw)', remedy: (admit) => `ufw ${admit}` },
  firewalld: { label: ' (firewalld)', remedy: (admit) => admit },
  iptables: {
    label: ' (iptables)',
    remedy: (admit, { name }) => `iptables -I ${name} ${admit} -j ACCEPT`,
  },
  nft: { label: '', remedy: (admit, chain) => `nft insert rule ${placeOf(chain)} ${admit} accept` },
}

/** The program that wrote the chain, and so has to change it: a change by nft would last until its next start. */
export function managerOf({ family, table, name }: Chain, chains: readonly Chain[]): Manager {
  if (table === 'firewalld') return 'firewalld'
  const isOfIptables = family === 'ip' && /^[A-Z]+$/.test(name)
  if (!isOfIptables) return 'nft'
  const isOfUfw = chains.some((chain) => chain.table === table && chain.name.startsWith('ufw-'))
  return isOfUfw ? 'ufw' : 'iptables'
}

export function placeOf({ family, table, name }: Chain): string {
  return `${family} ${table} ${name}`
}
