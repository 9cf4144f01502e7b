/** The portal's process: what people and devices speak to. Knows who takes part; never sees a recording or a batch. */
import { ProgrammeReader } from '../consent/programme.ts'
import { ConsentStore } from '../consent/store.ts'
import { signerFromSeed } from '../runtime/jws.ts'
import type { RoleContext, RunningRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'
import { hasLocalSignIn } from './accounts.ts'
import { createApp } from './app.ts'
import { Identities } from './identity.ts'
import type { Portal } from './portal.ts'
import { assetRoutes } from './routes/asset-routes.ts'
import { consentRoutes } from './routes/consent-routes.ts'
import { deviceRoutes } from './routes/device-routes.ts'
import { ledgerRoutes } from './routes/ledger-routes.ts'
import { pageRoutes } from './routes/page-routes.ts'
import { programmeRoutes } from './routes/programme-routes.ts'
import { signInRoutes } from './routes/sign-in-routes.ts'
import { Sessions } from './sessions.ts'

export interface RunningPortal extends RunningRole {
  readonly address: string
  /** Until it is called with true, `/healthz` says that Fairtrace is starting, and so do the pages. The API works. */
  setReady(isReady: boolean): void
}

/** @throws `KEY_UNAVAILABLE` without the issuer's seed; whatever listening throws */
export async function startPortal(context: RoleContext): Promise<RunningPortal> {
  const issuer = signerFromSeed(context.secrets.signingSeed ?? '')
  const database = openDatabase(context.databaseUrl)
  let isReady = false
  const store = new ConsentStore(database)
  // Of the process, not of the installation: a demonstration's clock runs through weeks in a minute.
  const sessions = new Sessions(() => performance.now())
  const portal: Portal = {
    database,
    programmes: new ProgrammeReader(database),
    store,
    sessions,
    identities: new Identities(sessions, store),
    issuer,
    clock: context.clock,
    addresses: context.addresses,
    accountsFile: hasLocalSignIn(context) ? context.demoAccountsFile : null,
    isReady: () => isReady,
  }
  try {
    const app = await createApp(context.log)
    programmeRoutes(app, portal)
    consentRoutes(app, portal)
    await deviceRoutes(app, portal)
    if (portal.accountsFile !== null) signInRoutes(app, portal, portal.accountsFile)
    ledgerRoutes(app, portal)
    assetRoutes(app)
    await pageRoutes(app, portal)
    app.get('/api/openapi.json', { schema: { hide: true } }, () => app.swagger())
    const address = await app.listen(context.listen)
    context.addresses.portal ??= address
    return {
      address,
      setReady: (ready) => {
        isReady = ready
      },
      stop: async () => {
        await app.close()
        await database.close()
      },
    }
  } catch (error) {
    await database.close()
    throw error
  }
}
