import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Makes what is counted and measured, and has it in the text of `GET /metrics`. Labels never contain a tenant, a node or an operator. */
export function createInstruments(registry: Registry) {
  const registers = [registry]
  return {
    registers,
    counter: (name: string, help: string, ...labelNames: string[]) =>
      new Counter({ name, help, labelNames, registers }),
    gauge: (name: string, help: string, ...labelNames: string[]) =>
      new Gauge({ name, help, labelNames, registers }),
    histogram: (name: string, help: string, buckets: number[], ...labelNames: string[]) =>
      new Histogram({ name, help, buckets, labelNames, registers }),
  }
}

export type Instruments = ReturnType<typeof createInstruments>
