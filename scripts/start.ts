/** `start.ts PROGRAM ARGUMENTS...`: runs a program of ours, after building it if necessary. */
import process from 'node:process'
import { builtPrograms, compileCache, nodeFlags, type ProgramName } from './programs/build.ts'

const [name = '', ...args] = process.argv.slice(2)
const mains = await builtPrograms()
if (!isProgram(name) || !process.execve)
  throw new Error(`start "${name}": there is no such program`)
process.execve(process.execPath, [process.execPath, ...nodeFlags[name], mains[name], ...args], {
  ...process.env,
  ...compileCache,
})

function isProgram(name: string): name is ProgramName {
  return Object.hasOwn(mains, name)
}
