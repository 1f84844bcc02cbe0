/** A line for the shell of a login: one word is such a line already; several are quoted, so that the program gets them as they are. */
export function commandLine(words: readonly string[]): string {
  const [line = '', ...others] = words
  return others.length === 0 ? line : words.map(quote).join(' ')
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
