/** Passwords in the arguments of programs that give them no telling name, as `mysql -pX`. Pure. */

interface Row {
  /** Its name, as a pattern. */
  program: string
  /** After which the password comes, likewise. */
  option: string
  /** Whether it is a name, a colon and the password, and without these nothing. */
  isPair?: true
  /** Whether only what is in the same word is one: what comes after a space is something else. */
  isAttached?: true
}

const rows: readonly Row[] = [
  { program: 'mysql\\w{0,16}|mariadb(?:-\\w{1,16})?|7z', option: '-p', isAttached: true },
  { program: 'sshpass|mongo\\w{0,16}|(?:docker|podman)\\W[^\\n|;&]{0,16}login', option: '-p' },
  { program: 'sqlcmd|ipmitool|zip|unzip', option: '-P' },
  { program: 'redis-cli', option: '-a' },
  // The options before may be in the same word.
  { program: 'ldap\\w{1,16}', option: '-[a-zA-Z]{0,8}w' },
  {
    program: 'curl',
    option: '(?:-[a-zA-Z]{0,8}[uU]|--(?:proxy-)?user)',
    isPair: true,
  },
]

/** A text with none of these has no such password. */
export const passwordPrograms = rows.map(({ program }) => program).join('|')

/** What may stand between an option and its value: of a shell, of a list in JSON, and of a record of the kernel's audit. */
const between = `(?:=|(?:\\\\{0,4}["'])?[\\s,]{1,8}(?:a\\d{1,4}=)?)`

/** How a value begins, which characters it does not have, and how it ends: in quotes, in quotes of a text of JSON, and in none. */
const quotings = [
  ['"', '"\\n', '"?'],
  ["'", "'\\n", "'?"],
  ['\\\\{1,4}"', '"\\\\\\n', '(?:\\\\{1,4}")?'],
  ['', '\\s"\'\\\\', ''],
] as const

function valuePattern(isPair: boolean): string {
  const values = quotings.map(([begin, not, end]) => {
    const name = isPair ? `[^:${not}]{0,128}:` : ''
    return `${begin}${name}[^${not}]+${end}`
  })
  return `(?!-|\\[redacted)(?:${values.join('|')})`
}

/** Each finds an option of a program, which is the first group, and its value. A program is looked for in so many characters before it. */
export const passwordArguments: readonly RegExp[] = rows.map(
  ({ program, option, isPair = false, isAttached = false }) => {
    const start = `(?<![\\w-])(${option}${isAttached ? '' : `${between}?`})`
    const isBehind = `(?<=(?<![\\w-])(?:${program})\\b[^\\n|;&]{1,256}?)`
    return new RegExp(start + isBehind + valuePattern(isPair), 'g')
  },
)
