/** `start.ts PROGRAM ARGUMENTS...`: runs a program of ours, after building it if necessary. */
import process from 'node:process'
import { builtPrograms, compileCache, nodeFlags } from './programs/build.ts'

const [name = '', ...args] = process.argv.slice(2)
const main = new Map<string, string>(Object.entries(await builtPrograms())).get(name)
if (main === undefined || !process.execve)
  throw new Error(`start "${name}": there is no such program`)
process.execve(process.execPath, [process.execPath, ...nodeFlags, main, ...args], {
  ...process.env,
  ...compileCache,
})
