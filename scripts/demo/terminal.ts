import type { Output } from '../programs/program.ts'

export function title(text: string): void {
  process.stdout.write(`\n${bold(text)}\n`)
}

let chapters = 0

/** A title with the next number. */
export function chapter(text: string): void {
  chapters++
  title(`${chapters}. ${text}`)
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** A command line as one would type it, with the node's name where it matters. */
export function show(command: readonly string[], node = ''): void {
  process.stdout.write(`  ${node}$ ${typed(command)}\n`)
}

/** The same with another command in front. */
export function showPiped(from: string, command: readonly string[]): void {
  process.stdout.write(`  $ ${from} | ${typed(command)}\n`)
}

function typed(command: readonly string[]): string {
  return command.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')
}

/** Throws when the program has failed. */
export function print({ code, stdout, stderr }: Output): void {
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr.trim()}`)
  printText(stdout)
}

export function printText(text: string): void {
  process.stdout.write(text.replace(/^(?=.)/gm, '    '))
}

function bold(text: string): string {
  return process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : `== ${text}`
}
