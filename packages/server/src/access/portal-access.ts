/** What the portal holds for access: grants, policies of the charter in force, people seen, notices. Opened once in its `role.ts`. */
import type { Clock } from '@fairtrace/core'
import type { Logger } from 'pino'
import type { OpenDatabase } from '../store/database.ts'
import { Grants } from './grants.ts'
import { SeenPeople } from './people.ts'
import { ReleaseJobs } from './release-jobs.ts'
import { type WebhookSettings, Webhooks } from './webhooks.ts'

export interface AccessSettings {
  /** The builder's X25519 key: recordings open for it alone. Raw, base64url. */
  readonly builderBoxKey: string
  /** The training room's: releases open for it alone. */
  readonly roomBoxKey: string
  readonly webhooks: WebhookSettings
}

export class PortalAccess {
  readonly grants: Grants
  readonly people: SeenPeople
  readonly releases: ReleaseJobs
  readonly webhooks: Webhooks
  /** Null where no builder is known; then nobody can ask for recordings. */
  readonly builderBoxKey: string | null
  /** Null where no training room is known; then nobody can ask for a release. */
  readonly roomBoxKey: string | null

  constructor(database: OpenDatabase, settings: AccessSettings | null, clock: Clock, log: Logger) {
    this.grants = new Grants(database, clock)
    this.people = new SeenPeople(database, clock)
    this.releases = new ReleaseJobs(database)
    this.webhooks = new Webhooks(database, settings?.webhooks ?? [], clock, log)
    this.builderBoxKey = settings?.builderBoxKey ?? null
    this.roomBoxKey = settings?.roomBoxKey ?? null
  }
}
