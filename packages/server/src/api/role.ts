/** The portal's process: what people and devices speak to. Knows who takes part; never sees a recording or a batch. */
import { PortalAccess } from '../access/portal-access.ts'
import { closeLapsedGate } from '../assurance/gate.ts'
import { ConcernKeys } from '../concerns/concern-keys.ts'
import { ConcernConsequences } from '../concerns/consequences.ts'
import { putDueChartersInForce } from '../consent/charters.ts'
import { enterDecisions } from '../consent/decision-batches.ts'
import { openLeases } from '../consent/leases.ts'
import { ProgrammeReader } from '../consent/programme.ts'
import { ConsentStore } from '../consent/store.ts'
import { keepIncidents } from '../incident/incidents.ts'
import { RoomAccess } from '../room/room-access.ts'
import { signerFromSeed } from '../runtime/jws.ts'
import { type Point, startPoint } from '../runtime/points.ts'
import { watchProgramme } from '../runtime/programme.ts'
import { repeat } from '../runtime/repeat.ts'
import type { RoleContext, RunningRole } from '../runtime/role.ts'
import { watchWatchers } from '../runtime/watchers.ts'
import { openDatabase } from '../store/database.ts'
import { hasLocalSignIn } from './accounts.ts'
import { createApp } from './app.ts'
import { PortalCookies } from './cookies.ts'
import { Identities } from './identity.ts'
import { OidcSignIn } from './oidc.ts'
import { passkeyPlace } from './passkey-place.ts'
import { PasskeyStore } from './passkey-store.ts'
import { Passkeys } from './passkeys.ts'
import type { Portal } from './portal.ts'
import { guardRoutes } from './route-access.ts'
import { accessRoutes } from './routes/access-routes.ts'
import { assetRoutes } from './routes/asset-routes.ts'
import { assuranceRoutes } from './routes/assurance-routes.ts'
import { audienceRoutes } from './routes/audience-routes.ts'
import { charterRoutes } from './routes/charter-routes.ts'
import { concernPages } from './routes/concern-pages.ts'
import { concernRoutes } from './routes/concern-routes.ts'
import { consentRoutes } from './routes/consent-routes.ts'
import { deviceRoutes } from './routes/device-routes.ts'
import { gateRoutes } from './routes/gate-routes.ts'
import { grantRoutes } from './routes/grant-routes.ts'
import { incidentRoutes } from './routes/incident-routes.ts'
import { ledgerRoutes } from './routes/ledger-routes.ts'
import { lockdownPages } from './routes/lockdown-pages.ts'
import { lockdownRoutes } from './routes/lockdown-routes.ts'
import { oidcRoutes } from './routes/oidc-routes.ts'
import { ownDataRoutes } from './routes/own-data-routes.ts'
import { ownEntryRoutes } from './routes/own-entry-routes.ts'
import { pageRoutes } from './routes/page-routes.ts'
import { passkeyRoutes } from './routes/passkey-routes.ts'
import { pauseRoutes } from './routes/pause-routes.ts'
import { programmeRoutes } from './routes/programme-routes.ts'
import { roomRoutes } from './routes/room-routes.ts'
import { localSignInRoutes, sessionRoutes } from './routes/sign-in-routes.ts'
import { sweepRoutes } from './routes/sweep-routes.ts'
import { Sessions } from './sessions.ts'
import { SignInLimits } from './sign-in-limits.ts'

/** How often a charter is looked for whose notice period is over. */
const CHANGES_POLL_MS = 1_000
/** How soon a pause is carried out that a crash came between. */
const PAUSES_POLL_MS = 2_000
/** How long after one of the fixed times the batch of decisions enters the ledger. */
const DECISIONS_POLL_MS = 2_000
const GRANTS_POLL_MS = 1_000
/** How soon the gate closes once something fell away. */
const GATE_POLL_MS = 2_000

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
  const passedMs = () => performance.now()
  const sessions = new Sessions(passedMs)
  const { signIn } = context
  const publicAddress = () => signIn?.portal ?? context.addresses.portal ?? ''
  const cookies = new PortalCookies(signIn?.portal?.startsWith('https:') ?? false)
  const oidc = signIn === null ? null : new OidcSignIn(signIn, publicAddress, passedMs)
  const programmes = new ProgrammeReader(database)
  const consequences = new ConcernConsequences(database, programmes, context.log)
  const programme = await watchProgramme(database)
  const watchers = await watchWatchers(database, programme, context.log, 'portal')
  let point: Point | null = null
  const leases = await openLeases({
    ...{ database, store, programmes, issuer, clock: context.clock },
    requireWatchers: () => watchers.require(),
    onLease: () => point?.served('leases'),
  }).catch(async (cause) => {
    await watchers.stop()
    await programme.stop()
    await database.close()
    throw cause
  })
  point = await startPoint({
    ...{ database, role: 'portal', signer: issuer, programme, log: context.log },
    fence: async () => ({ devicesConnected: leases.fence() }),
  })
  const changes = repeat('charters that are due', CHANGES_POLL_MS, context.log, () =>
    putDueChartersInForce(database, context.clock.nowMs()),
  )
  const pauses = repeat('pauses that concerns have earned', PAUSES_POLL_MS, context.log, () =>
    consequences.pauseWhereDue(),
  )
  const grantAccess = new PortalAccess(database, context.access, context.clock, context.log)
  /** A second approval whose hand-over a crash came between, and notices that a receiver did not take. */
  const grants = repeat('grants', GRANTS_POLL_MS, context.log, async () => {
    const programme = await programmes.read()
    if (programme !== null) await grantAccess.grants.handOver(programme)
    await grantAccess.webhooks.deliver()
  })
  const gate = repeat('the gate and incidents', GATE_POLL_MS, context.log, async () => {
    const read = await programmes.read()
    if (read === null) return
    await keepIncidents(database, read)
    const reason = await closeLapsedGate(database, context.clock.nowMs())
    if (reason !== null) context.log.error({ code: 'START_REFUSED', reason }, 'the gate has closed')
  })
  programme.onChange(() => gate.soon())
  const decisions = repeat('the batch of decisions', DECISIONS_POLL_MS, context.log, async () => {
    const programme = await programmes.read()
    if (programme !== null) await enterDecisions(database, programme.id, context.clock.nowMs())
  })
  const portal: Portal = {
    database,
    leases,
    programmes,
    concernKeys: new ConcernKeys(context.secrets.signingSeed ?? ''),
    consequences,
    store,
    sessions,
    identities: new Identities(sessions, store, cookies),
    cookies,
    limits: new SignInLimits(passedMs),
    passkeys: new Passkeys({
      store: new PasskeyStore(database),
      place: () => passkeyPlace(publicAddress()),
      clock: context.clock,
      nowMs: passedMs,
      isDemonstration: context.installation === 'demonstration',
      onAdded: (who) => {
        if (who.kind !== 'participant') return
        // Where it fails, their devices hear of it at their next look, which is once a day.
        leases.announce(who.pseudonym).catch(() => context.log.warn('devices were not told of a new passkey'))
      },
    }),
    access: grantAccess,
    room: new RoomAccess(database, context.objectsDir),
    publicAddress,
    hasOrganisation: oidc !== null,
    issuer,
    clock: context.clock,
    addresses: context.addresses,
    objectsDir: context.objectsDir,
    accountsFile: hasLocalSignIn(context) ? context.demoAccountsFile : null,
    isReady: () => isReady,
  }
  try {
    const app = await createApp(context.log)
    guardRoutes(app, portal.identities)
    programmeRoutes(app, portal)
    charterRoutes(app, portal)
    consentRoutes(app, portal)
    concernRoutes(app, portal)
    await deviceRoutes(app, portal)
    pauseRoutes(app, portal)
    lockdownRoutes(app, portal)
    if (portal.accountsFile !== null) localSignInRoutes(app, portal, portal.accountsFile)
    if (oidc !== null) oidcRoutes(app, portal, oidc)
    sessionRoutes(app, portal)
    passkeyRoutes(app, portal)
    grantRoutes(app, portal)
    roomRoutes(app, portal)
    ownDataRoutes(app, portal)
    accessRoutes(app, portal)
    audienceRoutes(app, portal)
    sweepRoutes(app, portal)
    ledgerRoutes(app, portal)
    ownEntryRoutes(app, portal)
    gateRoutes(app, portal)
    incidentRoutes(app, portal)
    assuranceRoutes(app, portal)
    assetRoutes(app)
    await pageRoutes(app, portal)
    await concernPages(app, portal)
    await lockdownPages(app, portal)
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
        await changes.stop()
        await leases.stop()
        await pauses.stop()
        await decisions.stop()
        await gate.stop()
        await grants.stop()
        await consequences.stop()
        await point.stop()
        await watchers.stop()
        await programme.stop()
        await database.close()
      },
    }
  } catch (error) {
    await changes.stop()
    await leases.stop()
    await pauses.stop()
    await decisions.stop()
    await gate.stop()
    await grants.stop()
    await consequences.stop()
    await point.stop()
    await watchers.stop()
    await programme.stop()
    await database.close()
    throw error
  }
}
