import type { commandTrees } from './command-trees.ts'

type Command = ReturnType<(typeof commandTrees)[keyof typeof commandTrees]>

interface PageFacts {
  section: 1 | 8
  version: string
  /** As 2026-11-27. */
  date: string
  files: readonly string[]
}

/** A page of section 1 for what people type, and 8 for what a machine runs, in man(7), from the commands as they describe themselves. */
export function manPage(program: Command, { section, version, date, files }: PageFacts): string {
  const name = program.name()
  return [
    `.TH ${escaped(name.toUpperCase())} ${section} ${date} "plexd ${version}" "plexd"`,
    '.SH NAME',
    ...wrapped(`${escaped(name)} \\- ${escaped(program.description())}`),
    '.SH SYNOPSIS',
    `.B ${escaped(name)}`,
    '.I command',
    '[options]',
    ...textAfter(program),
    '.SH COMMANDS',
    ...visible(program).flatMap((command) => commandLines(command, name)),
    ...filesSection(files),
    '.SH SEE ALSO',
    escaped(seeAlso.filter((page) => !page.startsWith(`${name}(`)).join(', ')),
    '',
  ].join('\n')
}

const seeAlso = ['plexd(8)', 'plexd-control-plane(8)', 'plexctl(1)']

function filesSection(files: readonly string[]): string[] {
  return files.length === 0
    ? []
    : ['.SH FILES', ...files.flatMap((file) => ['.TP', `.I ${escaped(file)}`])]
}

function commandLines(command: Command, path: string): string[] {
  const full = `${path} ${command.name()}`
  const usage = command.usage().replace(/ ?\[command\]/, '')
  const children = visible(command)
  return [
    `.SS ${escaped(full)} ${escaped(usage)}`.trimEnd(),
    ...wrapped(escaped(sentence(command.description()))),
    ...command.registeredArguments.flatMap((one) =>
      item(`<${one.name()}>`, choicesOf(one.description, one.argChoices)),
    ),
    ...command
      .createHelp()
      .visibleOptions(command)
      .filter((option) => option.long !== '--help')
      .flatMap((option) => item(option.flags, choicesOf(option.description, option.argChoices))),
    ...textAfter(command),
    ...children.flatMap((child) => commandLines(child, full)),
  ]
}

function item(term: string, text: string): string[] {
  return text === '' ? [] : ['.TP', `.B ${escaped(term)}`, ...wrapped(escaped(text))]
}

function choicesOf(text: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? text : `${text === '' ? '' : `${text}: `}${choices.join(', ')}`
}

function visible(command: Command): Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help')
}

/** What its help has below the lists, examples mostly, as it is. */
function textAfter(command: Command): string[] {
  let whole = ''
  const writeOut = (text: string): void => {
    whole += text
  }
  command.configureOutput({ writeOut }).outputHelp()
  const text = whole.slice(command.helpInformation().length).trim()
  return text === '' ? [] : ['.PP', '.nf', ...text.split('\n').map(escaped), '.fi']
}

/** Lines of a paragraph, as long as mandoc likes them. */
function wrapped(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < 80) lines.push(`${lines.pop()} ${word}`)
    else lines.push(word.startsWith('.') ? `\\&${word}` : word)
  }
  return lines
}

/** https://man.openbsd.org/mandoc_char.7: what roff would take for its own. An empty line would end a paragraph. */
function escaped(text: string): string {
  const inner = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
  if (inner === '') return '.sp'
  return /^[.]/.test(inner) ? `\\&${inner}` : inner
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.?!]$/.test(first) ? first : `${first}.`
}
