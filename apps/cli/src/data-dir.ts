/** The data directory as commands see it. */
import process from 'node:process'
import { DataDir, type Installation, type Runtime } from '@fairtrace/server'
import { Option } from 'commander'

/** `--data`, else `FAIRTRACE_DATA`, else `.fairtrace` where the command runs. */
export function dataOption(): Option {
  return new Option('--data <dir>', 'data directory').default(process.env.FAIRTRACE_DATA ?? '.fairtrace')
}

/** @throws `DATA_DIR_UNUSABLE` */
export function readInstallation(dataDir: string): Installation {
  return new DataDir(dataDir).installation()
}

/** @throws `SERVER_UNREACHABLE` if no Fairtrace runs on it */
export function readRuntime(dataDir: string): Runtime {
  return new DataDir(dataDir).runtime()
}
