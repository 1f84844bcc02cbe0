/** The text format of Prometheus (version 0.0.4), as programs of others write it. Pure. */
export interface ParsedSample {
  /** The name with its labels as they were written: `http_requests_total{code="200"}`. */
  series: string
  value: number
}

export interface ParsedExposition {
  samples: ParsedSample[]
  /** Lines that are neither a sample, a comment nor empty. */
  invalid: number
  /** Samples beyond the limit. */
  left: number
}

/** A longer one is no sample. */
const maxLineChars = 4_096

/** No two parts beside each other take the same blanks: a line of nothing else would have them share it in every way. */
const sample =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:[ \t]*(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}))?[ \t]+([^ \t]+)(?:[ \t]+-?\d+)?$/

/** Reads at most `max` samples. NaN and infinities have no form in JSON, and count as invalid. */
export function parseExposition(text: string, max: number): ParsedExposition {
  const found: ParsedExposition = { samples: [], invalid: 0, left: 0 }
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, name, labels = '', number = ''] =
      line.length > maxLineChars ? [] : (sample.exec(line.trimEnd()) ?? [])
    const value = Number(number)
    if (name === undefined || number === '' || !Number.isFinite(value)) found.invalid++
    else if (found.samples.length === max) found.left++
    else found.samples.push({ series: `${name}${labels}`, value })
  }
  return found
}
