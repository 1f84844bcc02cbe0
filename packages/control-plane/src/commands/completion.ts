import { type CompletedShell, completedShells, completionScript } from '@plexd/runtime'
import { Argument, type Command } from 'commander'

const examples = `
Examples:
  plexd-control-plane completion bash > /etc/bash_completion.d/plexd-control-plane
`

export function addCompletion(command: Command, program: Command): void {
  command
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>').choices(completedShells))
    .addHelpText('after', examples)
    .action((shell: CompletedShell) => {
      process.stdout.write(completionScript(program, shell))
    })
}
