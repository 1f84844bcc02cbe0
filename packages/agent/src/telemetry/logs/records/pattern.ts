import { describeError } from '@plexd/runtime'

/** A regular expression of an operator. Each call takes time in proportion to the text, whatever the expression and the text are. */
export interface Pattern {
  test(text: string): boolean
  /** All of its matches, with `by` in their place. */
  replace(text: string, by: string): string
}

/**
 * Those of RE2: what backtracks (lookarounds, backreferences) is refused in words. `key` is the setting that it is from. Whoever may
 * write to a log can choose the text, so the expressions of JavaScript would let them stop the daemon.
 */
export async function compilePattern(key: string, text: string): Promise<Pattern> {
  // Only now: its tables take 8 MB, and most nodes have no pattern.
  const { RE2JS } = await import('re2js')
  try {
    const compiled = RE2JS.compile(text)
    return {
      test: (subject) => compiled.matcher(subject).find(),
      replace: (subject, by) => compiled.matcher(subject).replaceAll(by),
    }
  } catch (error) {
    throw new Error(`${key}: "${text}" cannot be used: ${describeError(error)}`)
  }
}
