import type { Clock, Log } from '@plexd/runtime'
import type { Controls, Environment, Installation, Intake } from '../app.ts'
import type { Config } from '../config/config.ts'
import { createMetrics } from '../http/metrics/metrics.ts'
import { createControlPlanes } from '../installation/control-planes/control-planes.ts'
import { newLifeId } from '../log/position.ts'
import { createIntake } from '../parser/intake.ts'
import { claimDataDir } from '../start/data-dir-lock.ts'
import { namesOf } from '../tls/authority.ts'
import { createEnvironment } from './environment.ts'

const ownNames = ({ listen, tlsNames }: Config): string[] =>
  namesOf({ listenHost: listen.host, extraNames: tlsNames })

/** All that is there before the database is: enough to say to whoever asks that nothing is served yet. */
export type OpenEnvironment = Environment & Controls & Intake & Pick<Installation, 'controlPlanes'>

/** Locks the data folder. */
export function openEnvironment(
  config: Config,
  { clock, log, stack }: { clock: Clock; log: Log; stack: AsyncDisposableStack },
): OpenEnvironment {
  stack.use(claimDataDir(config.dataDir))
  const metrics = stack.use(createMetrics())
  const environment = createEnvironment(config, { metrics, clock, log, life: newLifeId() })
  const intake = createIntake(config.limits, clock)
  stack.use(intake.parser)
  const controlPlanes = stack.use(
    createControlPlanes(config, {
      id: environment.life,
      state: () => environment.notServing() ?? 'serving',
      names: () =>
        environment.config.tlsCertFile === undefined ? ownNames(environment.config) : [],
      stun: () => environment.config.stunPublic,
      clock,
      log,
    }),
  )
  // The environment's settings may change, so it is not copied.
  return Object.assign(environment, intake, { controlPlanes })
}
