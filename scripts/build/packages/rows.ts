import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../programs/build.ts'
import { agentConfigText, controlPlaneConfigText } from './config-text.ts'
import { nodeNeeds, type PackagedFile, type PackageRow } from './package-row.ts'

/** All packages. What is not listed here is in none of them. */
export const packageRows: readonly PackageRow[] = [
  {
    name: 'plexd',
    summary: 'node agent of a managed WireGuard mesh',
    description:
      'plexd enrols this machine with a control plane and keeps its tunnels, packet filter, entries and secrets as that says. Local programs read them through a Unix socket.',
    programs: ['plexd'],
    files: [
      unit('plexd', 'plexd.service'),
      unit('plexd', 'plexd-wireguard@.service'),
      { path: '/usr/lib/sysusers.d/plexd.conf', text: source('plexd/sysusers.conf') },
      { path: '/usr/lib/tmpfiles.d/plexd.conf', text: source('plexd/tmpfiles.conf') },
      { path: '/etc/plexd/config.yaml', text: agentConfigText(), isConfig: true },
    ],
    folders: ['/etc/plexd/hooks.d'],
    needs: [
      ...nodeNeeds,
      { deb: 'wireguard-tools', rpm: 'wireguard-tools' },
      { deb: 'nftables', rpm: 'nftables' },
      { deb: 'iproute2', rpm: 'iproute' },
      { deb: 'passwd', rpm: 'shadow-utils' },
    ],
    recommends: [
      { deb: 'wireguard-go', rpm: 'wireguard-go' },
      { deb: 'bubblewrap', rpm: 'bubblewrap' },
      { deb: 'kmod', rpm: 'kmod' },
    ],
  },
  {
    name: 'plexd-control-plane',
    summary: 'control plane of a managed WireGuard mesh',
    description:
      "plexd-control-plane holds what the nodes of a mesh should be and tells them, from one process with SQLite inside. plexctl is the operators' command line.",
    programs: ['control-plane', 'plexctl'],
    files: [
      unit('plexd-control-plane', 'plexd-control-plane.service'),
      {
        path: '/usr/lib/sysusers.d/plexd-control-plane.conf',
        text: source('plexd-control-plane/sysusers.conf'),
      },
      { path: '/etc/plexd/control-plane.yaml', text: controlPlaneConfigText(), isConfig: true },
    ],
    folders: [],
    needs: [...nodeNeeds, { deb: 'passwd', rpm: 'shadow-utils' }],
    recommends: [{ deb: 'ca-certificates', rpm: 'ca-certificates' }],
  },
]

function unit(folder: string, name: string): PackagedFile {
  return { path: `/usr/lib/systemd/system/${name}`, text: source(`${folder}/${name}`) }
}

/** What is not generated. */
export function source(path: string): string {
  return readFileSync(join(root, 'deploy/packages', path), 'utf8')
}
