import type { Drill } from '../drill.ts'
import { openUploader, quarantined, send } from '../upload.ts'

export const forgedBatch: Drill = {
  id: 'forged-batch',
  async attack(ground) {
    const uploader = await openUploader(ground)
    const batch = uploader.batch({ signer: ground.stolenKey('intake').privateKey })
    const refused = await send(ground, batch, uploader.permit(batch.id))
    // Intake can't open it; the vault has to find out.
    const code = refused ?? (await quarantined(ground, batch.id))
    return { held: code === 'BATCH_SIGNATURE_INVALID', why: code ?? 'taken' }
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
        from: 'if (!verify(null, signedBytes(header, deflated), deviceKey, signature)) {',
        to: 'if (!verify(null, signedBytes(header, deflated), deviceKey, signature) && signature.length === 0) {',
      },
    ],
  },
}
