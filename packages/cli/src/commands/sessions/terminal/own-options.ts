import assert from 'node:assert/strict'
import type { Command } from 'commander'

/** As with ssh, options behind the first word of a command on a node are that command's: `ssh web-01 ls -l`. */
export function endOptionsAtCommand(ssh: Command): Command {
  const program = ssh.parent
  assert(program, 'a command of plexctl')
  const parse = program.parseOptions.bind(program)
  program.parseOptions = (args) => parse(withEnd(args, { program, ssh }))
  return ssh
}

function withEnd(args: string[], { program, ssh }: { program: Command; ssh: Command }): string[] {
  const options = [...ssh.options, ...program.options]
  let operands = 0
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (arg === '--') return args
    if (arg.startsWith('-')) {
      // Its value is the next word, unless it is in the same one.
      if (options.some(({ short, long, required }) => required && [short, long].includes(arg))) at++
      continue
    }
    operands++
    if (operands === 1 && arg !== ssh.name()) return args
    // The first two are `ssh` and the node.
    if (operands === 3) return [...args.slice(0, at), '--', ...args.slice(at)]
  }
  return args
}
