import { existsSync, readFileSync } from 'node:fs'

/** Of golang-github-containers-common: what container engines mean by RuntimeDefault differs little. */
const file = '/usr/share/containers/seccomp.json'

interface Rule {
  names: string[]
  action: string
  args?: object[]
  errnoRet?: number
  includes?: Conditions
  excludes?: Conditions
}

interface Conditions {
  caps?: string[]
  arches?: string[]
  minKernel?: string
}

/** The filter of system calls for a container with those rights, in the form of runc; undefined where none is installed. */
export function defaultSeccomp(capabilities: readonly string[]): object | undefined {
  if (!existsSync(file)) return undefined
  const profile = JSON.parse(readFileSync(file, 'utf8'))
  const { defaultAction, defaultErrnoRet } = profile
  const isMet = ({ caps = [], arches = [] }: Conditions): boolean =>
    caps.every((name) => capabilities.includes(name)) &&
    (arches.length === 0 || arches.includes(architecture))
  const isExcluded = ({ caps = [], arches = [] }: Conditions): boolean =>
    caps.some((name) => capabilities.includes(name)) || arches.includes(architecture)
  const syscalls = (profile.syscalls as Rule[])
    .filter(({ includes = {}, excludes = {} }) => isMet(includes) && !isExcluded(excludes))
    .map(({ names, action, args, errnoRet }) => ({
      names,
      action,
      ...(args && args.length > 0 && { args }),
      ...(errnoRet !== undefined && { errnoRet }),
    }))
  return { defaultAction, defaultErrnoRet, architectures: [nativeName], syscalls }
}

const [architecture, nativeName] =
  process.arch === 'arm64' ? ['arm64', 'SCMP_ARCH_AARCH64'] : ['amd64', 'SCMP_ARCH_X86_64']
