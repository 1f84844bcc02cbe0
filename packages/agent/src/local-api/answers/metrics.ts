import {
  ApiError,
  ApplicationMetrics,
  expositionType,
  localApi,
  validatorOf,
} from '@plexd/protocol'
import { diskFault } from '@plexd/runtime'
import type { TakeMetrics } from '../../telemetry/metrics/application-metrics.ts'
import {
  type Answer,
  answerOf,
  errorAnswer,
  goJson,
  type LocalRequest,
  liveAnswer,
} from '../requests/answer.ts'
import { readBody } from '../requests/read-body.ts'
import { fullDisk, writerOf } from './reports.ts'

export interface MetricRoutesOptions {
  /** Prometheus text. Rejects with an ApiError while nothing is measured. */
  metricsText(): Promise<string>
  takeMetrics: TakeMetrics
}

const applicationMetrics = validatorOf(ApplicationMetrics)

/** The routes of metrics: read those of the node, send those of a program. */
export function createMetricRoutes({ metricsText, takeMetrics }: MetricRoutesOptions) {
  async function attempt(answer: () => Promise<Answer>): Promise<Answer> {
    try {
      return await answer()
    } catch (error) {
      if (error instanceof ApiError) return errorAnswer(error.status, error.message)
      const fault = diskFault(error)
      if (fault !== undefined) return errorAnswer(507, fullDisk(fault))
      throw error
    }
  }

  return {
    getMetrics: () =>
      attempt(async () =>
        answerOf(200, await metricsText(), {
          'Content-Type': expositionType,
          'Cache-Control': 'no-store',
        }),
      ),
    putMetrics: (_key: string, request: LocalRequest) =>
      attempt(async () => {
        const body = readBody(localApi.putMetrics, applicationMetrics(), await request.body())
        const { writer = '' } = writerOf(request.caller)
        const accepted = await takeMetrics(body, writer)
        return { ...liveAnswer(goJson({ accepted })), status: 202 }
      }),
  }
}
