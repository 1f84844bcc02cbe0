import { formatFieldName, readFieldName } from '@plexd/protocol'

/** The text format of Prometheus (version 0.0.4), as programs of others write it. Pure. */
export interface ParsedSample {
  /** The name with its labels, in their order: `http_requests_total{code="200"}`. */
  series: string
  value: number
}

export interface ParsedExposition {
  samples: ParsedSample[]
  /** Lines that are neither a sample, a comment nor empty. */
  invalid: number
  /** Samples whose name or labels are such that nobody could ask for them. */
  nameless: number
  /** The first of these and why, a few. */
  examples: string[]
  /** Samples of a series that was there before. */
  twice: number
  /** Samples beyond the limit. */
  left: number
}

/** A longer one is no sample. */
const maxLineChars = 4_096

/** No two parts beside each other take the same blanks: a line of nothing else would have them share it in every way. */
const sample =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:[ \t]*(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}))?[ \t]+([^ \t]+)(?:[ \t]+-?\d+)?$/

const maxExamples = 3
const maxExampleChars = 80

/** Reads at most `max` samples. NaN and infinities have no form in JSON, and count as invalid. */
export function parseExposition(text: string, max: number): ParsedExposition {
  const found = { invalid: 0, nameless: 0, twice: 0, left: 0 }
  const examples: string[] = []
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, name, labels = '', number = ''] =
      line.length > maxLineChars ? [] : (sample.exec(line.trimEnd()) ?? [])
    const value = Number(number)
    if (name === undefined || number === '' || !Number.isFinite(value)) {
      found.invalid++
      continue
    }
    const read = readFieldName(`${name}${labels}`)
    if ('fault' in read) {
      found.nameless++
      if (examples.length < maxExamples)
        examples.push(
          `${JSON.stringify(`${name}${labels}`.slice(0, maxExampleChars))}: ${read.fault}`,
        )
      continue
    }
    const series = formatFieldName(read)
    if (values.has(series)) found.twice++
    else if (values.size === max) found.left++
    else values.set(series, value)
  }
  const samples = Array.from(values, ([series, value]) => ({ series, value }))
  return { samples, examples, ...found }
}
