import { nodeNeeds } from '../packages/package-row.ts'
import type { ImageRow } from './image-row.ts'

/** What each of them has: the C library and what Node.js wants, names of Debian, and authorities that are trusted. */
const base: ImageRow['packages'] = {
  'base-files': [],
  'ca-certificates': [],
  // Has the licence of the libraries of GCC.
  'gcc-12-base': [],
  ...Object.fromEntries(nodeNeeds.map(({ deb }) => [deb.replace(/ .*/, ''), []])),
}

/** Each library that those programs want, and that is not in `base`. */
const librariesOfTools = [
  ...['libbpf1', 'libbsd0', 'libcap2', 'libcap-ng0', 'libedit2', 'libelf1', 'libgmp10'],
  ...['libjansson4', 'libmd0', 'libmnl0', 'libnftables1', 'libnftnl11', 'libpcre2-8-0'],
  ...['libselinux1', 'libsmartcols1', 'libtinfo6', 'libxtables12', 'zlib1g'],
]

const controlPlane = '/var/lib/plexd-control-plane'

/** All images. The numbers of users and groups are part of what volumes and other containers rely on: they stay. */
export const imageRows: readonly ImageRow[] = [
  {
    name: 'plexd',
    summary: 'Node agent of a managed WireGuard mesh',
    programs: ['plexd'],
    packages: {
      ...base,
      ...Object.fromEntries(librariesOfTools.map((name) => [name, []])),
      coreutils: ['env', 'mkfifo'],
      dash: ['sh', 'dash'],
      iproute2: ['ip'],
      'libc-bin': ['getent'],
      netbase: [],
      nftables: ['nft'],
      tini: ['tini'],
      'util-linux': ['prlimit', 'setpriv', 'setsid', 'unshare'],
      'wireguard-go': ['wireguard-go'],
      'wireguard-tools': ['wg'],
    },
    user: { name: 'root', id: 0, home: '/root' },
    groups: { plexd: 10002, 'plexd-secrets': 10003 },
    folders: [
      { path: 'etc/plexd', mode: 0o755 },
      { path: 'run/plexd', mode: 0o755 },
      { path: 'var/lib/plexd', mode: 0o700 },
    ],
    // A folder that was made for it, whoever has made the one that is mounted.
    environment: { PLEXD_DATA_DIR: '/var/lib/plexd/data' },
    // Processes that outlive the daemon become children of the first one, and somebody has to wait for them.
    entrypoint: ['/usr/bin/tini', '--', '/usr/bin/plexd'],
    command: ['up'],
    ports: ['51820/udp'],
  },
  {
    name: 'plexd-control-plane',
    summary: 'Control plane of a managed WireGuard mesh, with plexctl',
    programs: ['control-plane', 'plexctl'],
    packages: base,
    user: { name: 'plexd-control-plane', id: 10001, home: controlPlane },
    groups: {},
    folders: [
      { path: 'etc/plexd', mode: 0o755 },
      { path: controlPlane.slice(1), mode: 0o700, owner: 10001 },
    ],
    environment: {
      // The root of a volume may belong to another user, and have a lost+found.
      PLEXD_CP_DATA_DIR: `${controlPlane}/data`,
      PLEXCTL_SERVER: `unix://${controlPlane}/data/admin.sock`,
      PLEXCTL_TOKEN_FILE: `${controlPlane}/data/admin-token`,
    },
    entrypoint: ['/usr/bin/plexd-control-plane'],
    command: ['serve'],
    ports: ['8443/tcp', '3478/udp'],
  },
]
