import { dirname } from 'node:path'
import type { SandboxMount } from './sandbox-mounts.ts'
import type { ProgramUser } from './user.ts'

export interface Sandbox {
  /**
   * `namespaced` (bubblewrap): the file system cannot be written, and other processes, /tmp, /run and the data dir are not
   * seen. `container` (podman): only the image is seen, beside `files` and `writable`.
   */
  kind: 'none' | 'namespaced' | 'container'
  /** Whether a sandbox has the network of the machine, and not none. */
  network: boolean
  /** Absolute paths that it may write to. */
  writable: readonly string[]
  /** Files that it sees wherever they are; in namespaces also the program itself. */
  files?: readonly string[] | undefined
  /** Of a container. */
  image?: string | undefined
}

export interface SandboxedProgram {
  /** Of its control groups, and of its container. */
  name: string
  program: string
  cwd: string
  sandbox: Sandbox
  user?: ProgramUser | undefined
}

/** Of bwrap(1), in front of the program. Pure. */
export function bwrapOptions(
  { program, cwd, sandbox, user }: SandboxedProgram,
  mounts: readonly SandboxMount[],
): string[] {
  const { network, files = [] } = sandbox
  return [
    '--die-with-parent',
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(network ? [] : ['--unshare-net']),
    ...['--cap-drop', 'ALL'],
    // For setpriv, which then leaves all of them.
    ...(user ? ['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID'] : []),
    ...['--ro-bind', '/', '/'],
    ...mounts.flatMap(({ path, kind }) => mountOptions[kind](path)),
    ...[program, ...files].flatMap(showFile),
    ...['--chdir', cwd, '--'],
  ]
}

const mountOptions: Record<SandboxMount['kind'], (path: string) => string[]> = {
  devices: (path) => ['--dev', path],
  processes: (path) => ['--proc', path],
  empty: (path) => ['--tmpfs', path],
  readable: (path) => ['--ro-bind-try', path, path],
  writable: (path) => ['--bind', path, path],
}

/** The folders above are made first: bubblewrap would make them for root alone. */
function showFile(path: string): string[] {
  return ['--dir', dirname(path), '--ro-bind', path, path]
}

/** Of podman(1) since 4.0, in front of the arguments. Its processes stay in our control group. Throws without an image. Pure. */
export function podmanOptions(
  { name, program, cwd, sandbox, user }: SandboxedProgram,
  {
    names,
    mounts,
    ulimits,
  }: { names: readonly string[]; mounts: readonly SandboxMount[]; ulimits: readonly string[] },
): string[] {
  const { network, files = [], image } = sandbox
  if (!image) throw new Error('run in a container: it has no image: name one')
  return [
    ...['run', '--rm', '--read-only', '--cgroups=disabled', '--pull=missing'],
    ...['--cap-drop=all', '--security-opt=no-new-privileges'],
    // SELinux would keep it from the program and the paths, which have no label of containers.
    '--security-opt=label=disable',
    ...[`--name=${containerName(name)}`, `--network=${network ? 'host' : 'none'}`],
    ...ulimits.map((ulimit) => `--ulimit=${ulimit}`),
    ...(user ? [`--user=${user.uid}:${user.gid}`] : []),
    ...mounts.map(({ path, kind }) => containerMount(path, kind)),
    ...files.map((path) => containerMount(path, 'readable')),
    // Neither what the image sets nor what podman adds.
    '--unsetenv-all',
    // Values stay in the environment, which other users cannot read.
    ...names.flatMap((name) => ['--env', name]),
    ...[`--workdir=${cwd}`, `--entrypoint=${program}`, image],
  ]
}

export function containerName(name: string): string {
  return `plexd-${name}`
}

/** An empty folder would otherwise begin with a copy of what it covers. */
function containerMount(path: string, kind: SandboxMount['kind']): string {
  if (kind === 'empty') return mountOption('type=tmpfs', `destination=${path}`, 'notmpcopyup')
  const access = kind === 'readable' ? 'readonly=true' : 'readonly=false'
  return mountOption('type=bind', `source=${path}`, `destination=${path}`, access)
}

/** A line of CSV (RFC 4180), in which a path may have commas. */
function mountOption(...fields: string[]): string {
  return `--mount=${fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',')}`
}
