/** One line of a chart: what something costs at each size of the fleet. */
export interface Line {
  name: string
  points: readonly { at: number; value: number }[]
  isFloor?: boolean
}

export interface Chart {
  title: string
  unit: string
  lines: readonly Line[]
}

const width = 640
const height = 380
const left = 64
const right = 16
const top = 48
const bottom = 96

/**
 * A chart as SVG. Both axes are logarithmic, so that linear growth is a straight line of slope one; the dotted line is
 * that, from the first point on.
 */
export function drawChart({ title, unit, lines }: Chart): string {
  const points = lines.flatMap((line) => line.points)
  const x = scale(sizes(points.map(({ at }) => at)), left, width - right)
  const y = scale(decades(points.map(({ value }) => value)), height - bottom, top)
  const body = [
    `<text x="${left}" y="24" font-size="15" font-weight="600">${escaped(title)}</text>`,
    `<text x="${left}" y="40" font-size="11" fill="#666">${escaped(unit)}, against the number of agents</text>`,
    ...x.marks.map((mark) => vertical(x.at(mark), mark)),
    ...y.marks.map((mark) => horizontal(y.at(mark), mark)),
    ...lines.flatMap((line, index) => drawLine(line, index, x.at, y.at)),
    linear(lines[0], x.at, y.at, y.marks),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
${body.join('\n')}
</svg>
`
}

interface Scale {
  marks: readonly number[]
  at(value: number): number
}

function scale(marks: readonly number[], from: number, to: number): Scale {
  const [low, high] = [Math.log(marks[0] ?? 1), Math.log(marks.at(-1) ?? 10)]
  return {
    marks,
    at: (value) => Math.round(from + ((Math.log(value) - low) / (high - low || 1)) * (to - from)),
  }
}

function sizes(values: readonly number[]): number[] {
  const found = [...new Set(values)].toSorted((a, b) => a - b)
  return found.length > 1 ? found : [...found, (found[0] ?? 1) * 10]
}

/** The powers of ten around the values. */
function decades(values: readonly number[]): number[] {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.ceil(Math.log10(Math.max(...values)))
  return Array.from({ length: Math.max(1, high - low) + 1 }, (_, index) => 10 ** (low + index))
}

const colors = ['#0b6bcb', '#c2410c', '#15803d', '#7c3aed']

function drawLine(
  { name, points, isFloor = false }: Line,
  index: number,
  x: (at: number) => number,
  y: (value: number) => number,
): string[] {
  const color = isFloor ? '#888' : (colors[index % colors.length] ?? '#000')
  const dash = isFloor ? ' stroke-dasharray="5 4"' : ''
  const sorted = points.toSorted((a, b) => a.at - b.at)
  const path = sorted.map(({ at, value }) => `${x(at)},${y(value)}`).join(' ')
  const legend = { x: left + (index % 2) * 290, y: height - 36 + Math.floor(index / 2) * 18 }
  return [
    `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"${dash}/>`,
    ...sorted.map(
      ({ at, value }) => `<circle cx="${x(at)}" cy="${y(value)}" r="3" fill="${color}"/>`,
    ),
    `<line x1="${legend.x}" y1="${legend.y}" x2="${legend.x + 22}" y2="${legend.y}" stroke="${color}" stroke-width="2"${dash}/>`,
    `<text x="${legend.x + 28}" y="${legend.y + 4}" font-size="11">${escaped(name)}</text>`,
  ]
}

/** Linear growth from the first point on, cut off at the top of the chart. */
function linear(
  line: Line | undefined,
  x: (at: number) => number,
  y: (value: number) => number,
  marks: readonly number[],
): string {
  const [first, ...rest] = line?.points.toSorted((a, b) => a.at - b.at) ?? []
  const last = rest.at(-1)
  if (!first || !last) return ''
  const highest = marks.at(-1) ?? first.value
  const end = Math.min(last.at, (first.at * highest) / first.value)
  return `<line x1="${x(first.at)}" y1="${y(first.value)}" x2="${x(end)}" y2="${y((first.value * end) / first.at)}" stroke="#bbb" stroke-dasharray="2 3"/>`
}

function vertical(at: number, mark: number): string {
  return `<line x1="${at}" y1="${top}" x2="${at}" y2="${height - bottom}" stroke="#eee"/><text x="${at}" y="${height - bottom + 16}" font-size="11" text-anchor="middle">${mark.toLocaleString('en-US')}</text>`
}

function horizontal(at: number, mark: number): string {
  return `<line x1="${left}" y1="${at}" x2="${width - right}" y2="${at}" stroke="#eee"/><text x="${left - 6}" y="${at + 4}" font-size="11" text-anchor="end">${mark.toLocaleString('en-US')}</text>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
