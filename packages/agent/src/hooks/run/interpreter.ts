/** The kernel reads no more of the first line (binfmt_script.c). */
const maxLineBytes = 255

/**
 * The interpreter of a script, with the one argument that it may be given, from its first line; undefined for any other
 * program. As execve(2) reads it: everything after the first space is one argument.
 */
export function interpreterOf(program: Buffer): string[] | undefined {
  if (program.toString('latin1', 0, 2) !== '#!') return undefined
  const [line = ''] = program.toString('utf8', 2, maxLineBytes).split('\n')
  const [, interpreter, argument] = /^[ \t]*([^ \t]+)[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
  if (interpreter === undefined) return undefined
  return argument ? [interpreter, argument] : [interpreter]
}
