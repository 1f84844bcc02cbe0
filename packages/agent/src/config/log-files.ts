/** Entries of `logs.files`: absolute paths, in which `*`, `?`, `[abc]` and `{a,b}` are those of a shell. Pure. */

/** Why no file can ever be found by it, and what to do; undefined if one can. */
export function faultOfLogFile(pattern: string): string | undefined {
  if (pattern === '') return `it is empty: ${want}`
  if (!pattern.startsWith('/')) return `it is not absolute: ${want}`
  if (/\/\.{0,2}$/.test(pattern)) return `it names a folder: ${wantFiles(pattern)}`
  const open = openBracket(pattern)
  if (open !== undefined)
    return `its "${open}" is never closed: close it, or put "?" for the character itself`
  const range = emptyRange(pattern)
  return range && `"${range}" is a range without characters: put its ends the other way round`
}

const want = 'want the absolute path of a file, such as "/var/log/app.log"'

/** What to write instead of a folder. */
export function wantFiles(folder: string): string {
  return `want the files in it, such as "${folder.replace(/\/\.{0,2}$/, '')}/*.log"`
}

/** A list with all that can never find a file, in the words of a fault of the settings. */
export function faultsOfLogFiles(patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    const fault = faultOfLogFile(pattern)
    return fault === undefined ? [] : [`${JSON.stringify(pattern)}: ${fault}`]
  })
}

/** A `]` right behind `[`, `[!` or `[^` is one of the characters. */
const classes = /\[(?:[!^]|(?![!^]))(?:\][^\]]*|[^\]]+)\]/g

/** What is opened and not closed, outside of the classes. */
function openBracket(pattern: string): '[' | '{' | undefined {
  const rest = pattern.replace(classes, '')
  if (rest.includes('[')) return '['
  let depth = 0
  for (const character of rest) {
    if (character === '{') depth++
    else if (character === '}' && depth > 0) depth--
  }
  return depth > 0 ? '{' : undefined
}

function emptyRange(pattern: string): string | undefined {
  const ranges = (pattern.match(classes) ?? []).flatMap((one) => one.match(/[^[!^]-[^\]]/g) ?? [])
  return ranges.find(([from = '', , to = '']) => from > to)
}
