import { CliError, exitCodes } from '@plexd/runtime'
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'

/** Of a list, the index. */
export type YamlPath = readonly (string | number)[]

export interface YamlProblem {
  line: number
  text: string
}

/** A YAML or JSON text with the lines of its values, for who says what is wrong with one. */
export interface YamlFile {
  value: unknown
  /** Where a value starts; for one that is not there, where its parent does. */
  lineOf(path: YamlPath): number
}

/** Throws a CliError that says what was to be read, as `policy "web.yaml"`, and the lines of what is wrong. */
export function readYamlFile(text: string, what: string): YamlFile {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false })
  const lineAt = (offset: number): number => counter.linePos(offset).line
  const problems = document.errors.map(({ pos, code, message }) => ({
    line: lineAt(pos[0]),
    text: plainWords[code] ?? message,
  }))
  if (problems.length > 0) throw yamlFailure(what, problems)
  return {
    value: contentOf(document, what),
    lineOf: (path) => lineAt(offsetOf(document, path)),
  }
}

const maxShown = 5

export function yamlFailure(what: string, problems: readonly YamlProblem[]): CliError {
  const sorted = problems.toSorted((a, b) => a.line - b.line)
  const shown = sorted.slice(0, maxShown).map(({ line, text }) => `line ${line}: ${text}`)
  const more = sorted.length > maxShown ? [`and ${sorted.length - maxShown} more`] : []
  return new CliError(`read ${what}: ${[...shown, ...more].join('; ')}`, exitCodes.usage)
}

/** A JSON pointer as a path; digits are an index only where there is a list. */
export function yamlPathOf(pointer: string, root: unknown): YamlPath {
  let value = root
  return pointer
    .split('/')
    .slice(1)
    .map((part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
      const step = Array.isArray(value) ? Number(key) : key
      value = (value as Record<string | number, unknown>)[step] // the pointer was made from this value
      return step
    })
}

/** For what people meet most; the parser's own words for all else. */
const plainWords: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'tabs are not allowed as indentation: use spaces',
  DUPLICATE_KEY: 'this name is there twice: leave one of them out',
}

function contentOf(document: Document, what: string): unknown {
  try {
    return document.toJS()
  } catch (cause) {
    throw new CliError(`read ${what}`, exitCodes.usage, { cause }) // too many aliases
  }
}

function offsetOf(document: Document, path: YamlPath): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}
