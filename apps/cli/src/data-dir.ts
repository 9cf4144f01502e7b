/** Where a command's data directory is. */
import process from 'node:process'
import { Option } from 'commander'

/** `--data`, else `FAIRTRACE_DATA`, else `.fairtrace` where the command runs. */
export function dataOption(): Option {
  return new Option('--data <dir>', 'data directory').default(process.env.FAIRTRACE_DATA ?? '.fairtrace')
}
