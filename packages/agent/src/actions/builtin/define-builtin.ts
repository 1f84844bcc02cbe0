import { describeError, redact } from '@plexd/runtime'
import type { Static, TObject } from 'typebox'
import {
  type Action,
  type ActionContext,
  type ActionOutput,
  defineAction,
  describeParameters,
} from '../define.ts'
import type { NodeFacts } from './node-facts.ts'

/** The declaration of one of plexd's own actions. */
export interface Builtin extends Pick<Action, 'name' | 'description' | 'parameters' | 'timeoutMs'> {
  /** Whether it also works without a running daemon: `plexd actions run --local`. */
  readonly standsAlone: boolean
  /** The action, on this node. */
  on(node: NodeFacts): Action
}

interface Definition<Parameters extends TObject> {
  name: string
  description: string
  parameters: Parameters
  timeoutMs: number
  standsAlone?: true
  /** Why it cannot succeed on this node, whatever it is asked for; its description says so there. */
  cannot?(node: NodeFacts): string | undefined
  run(
    parameters: Static<Parameters>,
    node: NodeFacts,
    context: ActionContext,
  ): Promise<ActionOutput>
}

/** Declared without a node, for the reference and the command line. No output has a secret in it that the node knows. */
export function defineBuiltin<Parameters extends TObject>(
  definition: Definition<Parameters>,
): Builtin {
  const { name, description, parameters, timeoutMs, standsAlone = false, run } = definition
  return {
    name,
    description,
    parameters: describeParameters(parameters),
    timeoutMs,
    standsAlone,
    on: (node) =>
      defineAction({
        ...definition,
        description: describeOn(definition.cannot?.(node), description),
        run: (values, context) => hidingSecrets(node, context, () => run(values, node, context)),
      }),
  }
}

function describeOn(cannot: string | undefined, description: string): string {
  return cannot === undefined ? description : `${description}. Not on this node: ${cannot}`
}

async function hidingSecrets(
  node: NodeFacts,
  { signal }: ActionContext,
  run: () => Promise<ActionOutput>,
): Promise<ActionOutput> {
  const hide = (text: string): string => redact(text, node.secrets())
  try {
    const output = await run()
    return { ...output, stdout: hide(output.stdout), stderr: hide(output.stderr) }
  } catch (error) {
    signal.throwIfAborted()
    throw new Error(hide(describeError(error)))
  }
}
