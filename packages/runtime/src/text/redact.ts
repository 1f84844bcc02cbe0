import { passwordArguments, passwordPrograms } from './password-arguments.ts'

/** Takes secrets out of text that leaves the node for a person. Pure. */

const mark = '[redacted]'
/** Shorter texts are no secrets, and would be found everywhere. */
const minSecretLength = 6

/** `secrets` are those that the node knows, whole; what looks like a secret goes as well. */
export function redact(text: string, secrets: Iterable<string> = []): string {
  let left = text
  for (const secret of longestFirst(secrets)) {
    for (const form of formsOf(secret)) left = left.replaceAll(form, mark)
  }
  if (!hint.test(left)) return left
  for (const { pattern, by } of shapes) left = left.replace(pattern, by)
  return left
}

/** One that contains another must go first, or its rest would stay. */
function longestFirst(secrets: Iterable<string>): string[] {
  return [...new Set(secrets)]
    .filter((secret) => secret.length >= minSecretLength)
    .sort((a, b) => b.length - a.length)
}

/** As it is, inside JSON, and inside a URL. */
function formsOf(secret: string): Set<string> {
  return new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
}

/** What is in each of the shapes: most texts have none, and need not be looked at eight times. */
const hint = new RegExp(
  `plx_|plexd-join|private key|://|bearer|basic|passw|passphrase|[_.-](?:pass|pwd)|secret|token|psk|key|authorization|cookie|eyJ|${passwordPrograms}`,
  'i',
)

/**
 * Names whose values are secrets: whole words at the end of a name, so not `token_file`. Texts come from anybody: no shape may begin at
 * each place of a long name, or look as far as the end of the text from each place.
 */
const secretName =
  '[\\w.-]*(?:password|passwd|passphrase|[_.-]pass|[_.-]pwd|secret|token|psk|authorization|cookie|(?:api|access|private|secret|preshared|node_secret)[_-]?key)'

/** In JSON. */
const text = '"(?:[^"\\\\]|\\\\.)*"'
const listOfTexts = `\\[\\s*(?:${text}[\\s,]*)+\\]`

/** Closed, or not too far to look for. */
const quoted = `"(?:[^"\\\\\\n]|\\\\.){1,256}"|'[^'\\n]{1,256}'`
/** Behind a colon prose may go on, as in "read token: permission denied": a secret is one long word, has a digit, and is no path or address. */
const likeSecret = `(?!/\\w+/|https?:)(?=[^\\s"',;\\\\]*\\d)[^\\s"',;\\\\]{6,}`

const shapes: readonly { pattern: RegExp; by: string }[] = [
  // Our own tokens, see the ids of the protocol.
  { pattern: /\bplx_(enroll|node|admin)_[0-9A-Za-z_-]+/g, by: `plx_$1_${mark}` },
  // A join string, which has a token in it; cut off, too.
  { pattern: /\b(plexd-join-\d{1,3}\.)[\w-]{6,}(?:\.\w+)?/g, by: `$1${mark}` },
  {
    pattern: /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
    by: `-----BEGIN $1PRIVATE KEY-----${mark}`,
  },
  // The user and password of a URL; the last "@" ends them.
  { pattern: /\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"']+@/gi, by: `$1${mark}@` },
  // A JSON Web Token, as those of service accounts.
  { pattern: /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g, by: mark },
  { pattern: /\b((?:set-)?cookie\s{0,8}[:=]\s{0,8})[^\s"'][^\n"']*/gi, by: `$1${mark}` },
  { pattern: /\b(bearer|basic)\s+[\w+/=.~-]{6,}/gi, by: `$1 ${mark}` },
  {
    pattern: new RegExp(`"(${secretName})"(\\s*:\\s*)(?:${text}|\\d{4,}|${listOfTexts})`, 'gi'),
    by: `"$1"$2"${mark}"`,
  },
  // The same inside a text of JSON, where quotes are escaped.
  {
    pattern: new RegExp(`(\\\\{1,8}")(${secretName})\\1(\\s*:\\s*)\\1[^]*?(?<!\\\\)\\1`, 'gi'),
    by: `$1$2$1$3$1${mark}$1`,
  },
  {
    pattern: new RegExp(
      `(?<![\\w.-])(${secretName})(\\s*=>?\\s*)(?!\\[redacted)(?:${quoted}|[^\\s"'&,;\\\\]+)`,
      'gi',
    ),
    by: `$1$2${mark}`,
  },
  // As in headers and YAML; the scheme of a header may stand between.
  {
    pattern: new RegExp(
      `(?<![\\w.-])(${secretName}:\\s{1,8}(?:(?:token|digest|apikey)\\s{1,8})?)(?!\\[redacted)(?:${quoted}|${likeSecret})`,
      'gi',
    ),
    by: `$1${mark}`,
  },
  // An argument on a command line.
  {
    pattern: new RegExp(
      `(?<![\\w.-])(-(?=-)${secretName}\\s{1,8})(?!-|\\[redacted)(?:${quoted}|[^\\s"',;\\\\]+)`,
      'gi',
    ),
    by: `$1${mark}`,
  },
  ...passwordArguments.map((pattern) => ({ pattern, by: `$1${mark}` })),
]
