import process from 'node:process'
import { goArch } from '@plexd/protocol'

/** What an architecture is called, by whom. The keys are the words of Debian and Go. */
export const architectures = {
  amd64: { node: 'x64', binutils: 'x86_64-linux-gnu', debian: 'binutils-x86-64-linux-gnu' },
  arm64: { node: 'arm64', binutils: 'aarch64-linux-gnu', debian: 'binutils-aarch64-linux-gnu' },
} as const

export type Architecture = keyof typeof architectures

/** Throws for an architecture that nothing is built for. */
export function architectureOf(text: string): Architecture {
  if (isArchitecture(text)) return text
  throw new Error(
    `build for "${text}": there is no such architecture here: want ${Object.keys(architectures).join(' or ')}`,
  )
}

function isArchitecture(text: string): text is Architecture {
  return Object.hasOwn(architectures, text)
}

/** That of this machine. */
export const ownArchitecture = (): Architecture => architectureOf(goArch(process.arch))
