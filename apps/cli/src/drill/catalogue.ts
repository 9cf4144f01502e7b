/** Every drill of the catalogue, in the order in which they run: what leaves traces in the keeper comes last. */
import type { Drill } from './drill.ts'
import { charterDrift } from './drills/charter-drift.ts'
import { copiedTable } from './drills/copied-table.ts'
import { deafDevice } from './drills/deaf-device.ts'
import { fixUndone } from './drills/fix-undone.ts'
import { forgedBatch } from './drills/forged-batch.ts'
import { hungProcess } from './drills/hung-process.ts'
import { logRollback } from './drills/log-rollback.ts'
import { markedLog } from './drills/marked-log.ts'
import { openRoute } from './drills/open-route.ts'
import { replayedApproval } from './drills/replayed-approval.ts'
import { replayedPermit } from './drills/replayed-permit.ts'
import { replayedRequest } from './drills/replayed-request.ts'
import { restoredBackup } from './drills/restored-backup.ts'
import { roleCrossing } from './drills/role-crossing.ts'
import { rushedConsent } from './drills/rushed-consent.ts'
import { splitView } from './drills/split-view.ts'
import { staleToken } from './drills/stale-token.ts'
import { stolenRelease } from './drills/stolen-release.ts'
import { stoppedClock } from './drills/stopped-clock.ts'
import { stoppedSentinel } from './drills/stopped-sentinel.ts'
import { superuserInsider } from './drills/superuser-insider.ts'
import { typedSecret } from './drills/typed-secret.ts'
import { unreviewedBuild } from './drills/unreviewed-build.ts'
import { wrongFileMode } from './drills/wrong-file-mode.ts'
import { wrongOwner } from './drills/wrong-owner.ts'
import { wrongTableRight } from './drills/wrong-table-right.ts'

export const DRILLS: readonly Drill[] = [
  rushedConsent,
  staleToken,
  unreviewedBuild,
  deafDevice,
  stoppedClock,
  typedSecret,
  charterDrift,
  replayedPermit,
  forgedBatch,
  replayedApproval,
  superuserInsider,
  replayedRequest,
  restoredBackup,
  openRoute,
  stolenRelease,
  stoppedSentinel,
  wrongTableRight,
  wrongFileMode,
  wrongOwner,
  markedLog,
  copiedTable,
  fixUndone,
  hungProcess,
  logRollback,
  splitView,
  roleCrossing,
]
