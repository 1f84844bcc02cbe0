import { access, constants } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'

interface ToolFacts {
  /** The Debian package that contains it. */
  package: string
  /** Its purpose; completes a sentence that begins with its name and "which". */
  use: string
  /** plexd, unless given. */
  of?: 'plexd-control-plane' | 'plexctl'
  /**
   * Which feature requires it; `userspace`: the mesh on kernels without WireGuard; `sandbox`: hooks that ask for it, which
   * are refused without; `journal`: where systemd's journal runs; `systemd`: where that runs. Without the other tools plexd
   * works with restrictions.
   */
  need?: 'mesh' | 'userspace' | 'sandbox' | 'journal' | 'systemd'
}

const facts = {
  bash: {
    package: 'bash',
    use: 'keeps the mesh shut while systemd restarts plexd',
    need: 'systemd',
  },
  bwrap: { package: 'bubblewrap', use: 'runs hooks of the sandbox "namespaced"', need: 'sandbox' },
  env: { package: 'coreutils', use: 'starts wireguard-go, and hooks', need: 'userspace' },
  getent: {
    package: 'libc-bin',
    use: 'finds the groups that may use the local API, and the users of hooks',
  },
  ip: {
    package: 'iproute2',
    use: 'makes and watches the mesh interface and its routes',
    need: 'mesh',
  },
  journalctl: {
    package: 'systemd',
    use: 'reads the journal for operators',
    need: 'journal',
  },
  logger: { package: 'bsdutils', use: "tells the system's log of remote sessions" },
  mkfifo: { package: 'coreutils', use: 'keeps the mesh shut while the packet filter is flushed' },
  modinfo: { package: 'kmod', use: 'tells whether the kernel has WireGuard' },
  nft: {
    package: 'nftables',
    use: 'filters packets, and asks STUN from the port of WireGuard',
    need: 'mesh',
  },
  podman: { package: 'podman', use: 'runs hooks of the sandbox "container"', need: 'sandbox' },
  prlimit: { package: 'util-linux', use: 'limits hooks where control groups cannot' },
  setpriv: {
    package: 'util-linux',
    use: 'ends "ip monitor" together with plexd, and runs hooks as their user',
    need: 'mesh',
  },
  setsid: { package: 'util-linux', use: 'lets wireguard-go outlive plexd', need: 'userspace' },
  sh: { package: 'dash', use: 'starts wireguard-go, and hooks', need: 'userspace' },
  stty: {
    package: 'coreutils',
    use: 'lets what a node shows through to the terminal as it is',
    of: 'plexctl',
  },
  systemctl: {
    package: 'systemd',
    use: 'starts wireguard-go as a unit that outlives plexd',
    need: 'systemd',
  },
  'systemd-run': {
    package: 'systemd',
    use: 'starts what outlives plexd',
    need: 'systemd',
  },
  timedatectl: {
    package: 'systemd',
    use: 'tells whether the clock is kept right',
    of: 'plexd-control-plane',
  },
  unshare: { package: 'util-linux', use: 'ends hooks whole where control groups cannot' },
  wg: { package: 'wireguard-tools', use: "drives the kernel's WireGuard", need: 'mesh' },
  'wireguard-go': {
    package: 'wireguard-go',
    use: 'moves packets where the kernel has no WireGuard',
    need: 'userspace',
  },
} as const satisfies Record<string, ToolFacts>

export type Tool = keyof typeof facts

/** All external programs that ours run. `exec` runs no other. */
export const tools: Readonly<Record<Tool, ToolFacts>> = facts

/** The message if it is missing. */
export function describeMissing(tool: Tool): string {
  return `"${tool}" is not installed, which ${tools[tool].use}`
}

/** The command that installs it. */
export function installTool(tool: Tool): string {
  return `apt-get install ${tools[tool].package}`
}

/** The path of a program; undefined if it is not on our PATH. */
export async function findTool(tool: Tool): Promise<string | undefined> {
  for (const folder of toolPath().split(':')) {
    const path = join(folder, tool)
    if (await isExecutable(path)) return path
  }
  return undefined
}

/** The first program in a command that is missing; a program such as nsenter may start another. */
export async function findMissing(command: readonly string[]): Promise<Tool | undefined> {
  for (const word of command) if (isTool(word) && !(await findTool(word))) return word
  return undefined
}

/**
 * PATH, followed by the folders with network tools, which are not on every user's PATH. Only absolute entries
 * count: an empty one means the current folder, and whoever can write there would become root.
 */
export function toolPath(path = process.env.PATH): string {
  const named = (path ?? '').split(':').filter(isAbsolute)
  const known = named.length > 0 ? named : ['/usr/local/bin', '/usr/bin', '/bin']
  return [...known, ...['/usr/sbin', '/sbin'].filter((folder) => !known.includes(folder))].join(':')
}

/** Of a program that is run: ours, with that PATH. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: toolPath() }
}

function isTool(word: string): word is Tool {
  return Object.hasOwn(tools, word)
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
