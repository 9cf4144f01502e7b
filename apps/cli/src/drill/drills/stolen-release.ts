import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { shardFile } from '@fairtrace/core'
import { ENTRY } from '../../entry.ts'
import type { Drill } from '../drill.ts'
import type { Ground } from '../ground.ts'

const NOT_VERIFIED = 4

export const stolenRelease: Drill = {
  id: 'stolen-release',
  async attack(ground) {
    const releases = ground.dir.path('objects/releases')
    const [name] = existsSync(releases) ? readdirSync(releases) : []
    if (name === undefined) return { held: false, why: 'there is no release to steal' }
    const loot = join(ground.folder(), 'release')
    cpSync(join(releases, name), loot, { recursive: true })
    const whole = await verify(ground, loot)
    flipOneByte(loot)
    const changed = await verify(ground, loot)
    return { held: whole === 0 && changed === NOT_VERIFIED, why: `exit codes ${whole} and ${changed}` }
  },
  without: {
    runner: true,
    patches: [
      {
        file: 'packages/verify/src/verify-release.ts',
        from: 'if (digest !== shard.sha256) {',
        to: "if (digest === '') {",
      },
    ],
  },
}

/** As an auditor would: another process, which has the folder and the charter and nothing else. */
async function verify({ execArgv, programme, sql }: Ground, folder: string): Promise<number> {
  const { rows } = await sql.query('select charter_yaml from install.programme where id = $1', [programme.id])
  const charter = join(folder, '..', 'charter.yaml')
  writeFileSync(charter, String(rows[0]?.charter_yaml))
  const arguments_ = [
    '--disable-warning=ExperimentalWarning',
    ...execArgv,
    ENTRY,
    'verify',
    folder,
    '--charter',
    charter,
  ]
  const child = spawn(process.execPath, arguments_, { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  return Number(code)
}

function flipOneByte(folder: string): void {
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { shards: { sha256: string }[] }
  // Shards are stored encrypted, under their digest; the paths that the manifest lists are those of the opened release.
  const path = join(folder, shardFile(manifest.shards[0]?.sha256 ?? ''))
  const file = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(file, byte, 0, 1, 10)
  byte[0] = (byte[0] ?? 0) ^ 0xff
  writeSync(file, byte, 0, 1, 10)
  closeSync(file)
}
