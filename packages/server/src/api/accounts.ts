/** The accounts of a demonstration, from the file that its start wrote. Real staff sign in through OpenID Connect instead. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { isSameSecret } from '../consent/secrets.ts'
import type { RoleContext } from '../runtime/role.ts'
import { isLoopback, STAFF_ROLES } from '../runtime/sign-in-settings.ts'

export const ACCOUNT_ROLES = [...STAFF_ROLES, 'participant'] as const
export type AccountRole = (typeof ACCOUNT_ROLES)[number]

const accountSchema = z.object({
  name: z.string().min(1).max(128),
  role: z.enum(ACCOUNT_ROLES),
  password: z.string().min(1).max(256),
  /** Groups of the charter's audience that they are in. */
  groups: z.array(z.string()).default([]),
  /** A participant's own session. */
  session: z.string().optional(),
})
const peopleSchema = z.object({ accounts: z.array(accountSchema) })
export type Account = z.infer<typeof accountSchema>

/** Whether this portal offers the local sign-in: only a demonstration that nobody else on the network reaches. */
export function hasLocalSignIn({ installation, listen, demoAccountsFile }: RoleContext): boolean {
  return installation === 'demonstration' && isLoopback(listen.host) && demoAccountsFile !== null
}

/** The account of this name and password, or null. Read anew each time: the start adds accounts while we run. */
export async function findAccount(file: string, name: string, password: string): Promise<Account | null> {
  const accounts = await readAccounts(file)
  const account = accounts.find((candidate) => candidate.name === name)
  // Compared also when there is no such name, so that the time doesn't tell which of the two was wrong.
  const isRight = isSameSecret(account?.password ?? '', password)
  return account !== undefined && isRight ? account : null
}

async function readAccounts(file: string): Promise<readonly Account[]> {
  try {
    return peopleSchema.parse(JSON.parse(await readFile(file, 'utf8'))).accounts
  } catch {
    // Fails closed: without a readable file nobody signs in.
    return []
  }
}
