/** A node as an SSH client knows it. */
export interface SshHost {
  hostname: string
  hostKey: string
}

interface Block {
  plexctl: string
  login?: string
  mesh?: boolean
  keyFile: string
  knownHostsFile: string
}

/** Lines for `~/.ssh/config`. Its host key is in a file of plexctl, and in a comment for who wants it elsewhere. */
export function hostBlock(
  host: SshHost,
  { plexctl, login, mesh, keyFile, knownHostsFile }: Block,
): string {
  const lines = [
    `Host ${host.hostname}`,
    ...(login === undefined ? [] : [`  User ${login}`]),
    `  ProxyCommand ${plexctl} ssh-proxy %h -l %r${mesh ? ' --mesh' : ''}`,
    `  IdentityFile ${quote(keyFile)}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${quote(knownHostsFile)}`,
    '  StrictHostKeyChecking yes',
    `  # known_hosts: ${knownHost(host)}`,
  ]
  return lines.join('\n')
}

/** A line for `known_hosts`, with its end. */
export function knownHost({ hostname, hostKey }: SshHost): string {
  return `${hostname} ${hostKey}\n`
}

function quote(path: string): string {
  return /\s/.test(path) ? `"${path}"` : path
}
