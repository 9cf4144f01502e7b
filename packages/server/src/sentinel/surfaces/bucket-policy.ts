/**
 * Whom a policy of a bucket lets in: the policy language of S3 (version 2012-10-17), as far as it names who and what.
 *
 * Every statement that allows counts for itself, whatever its conditions, and whatever another one denies: a condition or a denial can
 * be gone at the next change, and then nobody would look at the statement any more. So this names too many rather than too few.
 */
import { printableName, type Reader } from '@fairtrace/core'
import { z } from 'zod'

const names = z.union([z.string(), z.array(z.string()).min(1)]).transform((value) => [value].flat())
const principal = z.union([z.literal('*'), z.record(z.string(), names)])
/** Loose: what else a statement says (id, condition) makes no reader more. */
const statement = z
  .looseObject({
    Effect: z.enum(['Allow', 'Deny']),
    Principal: principal.optional(),
    NotPrincipal: principal.optional(),
    Action: names.optional(),
    NotAction: names.optional(),
  })
  .refine(({ Principal, NotPrincipal }) => (Principal === undefined) !== (NotPrincipal === undefined))
  .refine(({ Action, NotAction }) => (Action === undefined) !== (NotAction === undefined))
const policySchema = z.looseObject({
  Statement: z.union([statement, z.array(statement)]).transform((value) => [value].flat()),
})

export interface PolicyReader extends Reader {
  readonly isOwner: boolean
}

/**
 * @param account the owner's, 12 digits, or null where it isn't known: then nobody a policy names is the owner
 * @throws if it is no policy: what can't be understood lets nobody be sure
 */
export function policyReaders(text: string, bucket: string, account: string | null): readonly PolicyReader[] {
  const { Statement } = policySchema.parse(JSON.parse(text))
  return Statement.flatMap(({ Effect, Principal, NotPrincipal, Action, NotAction, Condition }) => {
    if (Effect === 'Deny') return []
    const actions = Action === undefined ? `everything but ${shown(NotAction ?? [])}` : shown(Action)
    const through = Condition === undefined ? 'bucket policy' : 'bucket policy, under a condition'
    const reader = (who: string, isOwner = false) => ({ who, what: `${actions} on ${bucket}`, through, isOwner })
    if (NotPrincipal !== undefined) return [reader('anybody but those whom the policy names')]
    if (Principal === undefined || Principal === '*') return [reader('anybody')]
    return Object.entries(Principal).flatMap(([kind, ids]) =>
      ids.map((id) => {
        if (id === '*') return reader('anybody')
        const isOwner = kind === 'AWS' && account !== null && isAccount(id, account)
        return reader(isOwner ? `owner ${account}` : `${printableName(kind)} ${printableName(id)}`, isOwner)
      }),
    )
  })
}

/** The account itself, and nobody in it by name: whom it names, its own rules let in. */
function isAccount(id: string, account: string): boolean {
  return id === account || /^arn:aws[a-z-]*:iam::(\d{12}):root$/.exec(id)?.[1] === account
}

const SHOWN_MAX = 8

function shown(actions: readonly string[]): string {
  const plain = actions
    .slice(0, SHOWN_MAX)
    .map((action) => (/^[A-Za-z0-9:*?]+$/.test(action) ? action : printableName(action)))
  return actions.length > SHOWN_MAX ? `${plain.join(', ')} and ${actions.length - SHOWN_MAX} more` : plain.join(', ')
}
