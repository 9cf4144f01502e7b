import type { Drill } from '../drill.ts'
import { openUploader, quarantined, send } from '../upload.ts'

export const charterDrift: Drill = {
  id: 'charter-drift',
  async attack(ground) {
    const uploader = await openUploader(ground)
    const app = ground.programme.charter.capture.apps[0]?.id ?? ''
    const target = {
      role: ground.programme.charter.shield.roles[0],
      label: `Unlisted ${ground.run.slice(0, 8)}`,
      box: [0, 0, 80, 32],
    }
    const actions = [
      { kind: 'switch', app },
      { kind: 'click', button: 'left', count: 1, target },
    ]
    const batch = uploader.batch({ actions })
    const refused = await send(ground, batch, uploader.permit(batch.id))
    const code = refused ?? (await quarantined(ground, batch.id))
    return { held: code === 'BATCH_NOT_SHIELDED', why: code ?? 'taken' }
  },
  without: {
    patches: [
      // The checking threads load modules of their own.
      {
        file: 'packages/server/src/vault/check-pool.ts',
        from: "execArgv: ['--disable-warning=ExperimentalWarning'],",
        to: 'execArgv: process.execArgv,',
      },
      {
        file: 'packages/server/src/vault/check-batch.ts',
        from: 'if (checkConformance(action, terms.settings, app) !== null) throw',
        to: "if (checkConformance(action, terms.settings, app) === 'never') throw",
      },
    ],
  },
}
