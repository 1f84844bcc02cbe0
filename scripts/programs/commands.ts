import process from 'node:process'
import { versionOf } from '../build/bundle.ts'
import { buildSingleFile } from '../build/single-file.ts'
import { builtPrograms, nodeFlags, type ProgramName } from './build.ts'

/** The first words of the command line of each program. */
export type Commands = Readonly<Record<ProgramName, readonly string[]>>

export async function commandsOfBundles(): Promise<Commands> {
  const mains = await builtPrograms()
  return forEach((name) => [process.execPath, ...nodeFlags[name], mains[name]])
}

/** Builds what has changed. */
export async function commandsOfSingleFiles(): Promise<Commands> {
  const version = await versionOf('plexd')
  const files = new Map<ProgramName, string>()
  for (const name of ['plexd', 'plexctl', 'control-plane'] as const)
    files.set(name, (await buildSingleFile(name, { version, releaseKeys: [] })).file)
  return forEach((name) => [files.get(name) ?? ''])
}

function forEach(commandOf: (name: ProgramName) => readonly string[]): Commands {
  return {
    plexctl: commandOf('plexctl'),
    plexd: commandOf('plexd'),
    'control-plane': commandOf('control-plane'),
  }
}
