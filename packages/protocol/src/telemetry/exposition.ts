/** The text format of Prometheus (version 0.0.4), written. Pure. */
export interface MetricFamily {
  name: string
  help: string
  type: 'gauge' | 'counter' | 'untyped'
  samples: readonly Sample[]
}

export interface Sample {
  labels?: Readonly<Record<string, string>>
  value: number
}

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/** Families without a sample are left out. */
export function formatExposition(families: Iterable<MetricFamily>): string {
  let text = ''
  for (const { name, help, type, samples } of families) {
    if (samples.length === 0) continue
    text += `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`
    for (const { labels = {}, value } of samples)
      text += `${name}${formatLabels(labels)} ${valueText(value)}\n`
  }
  return text
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? '+Inf' : '-Inf'
}
