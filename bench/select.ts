/** Finds the benchmarks of this folder, and those that a command line asks for. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Benchmark } from './benchmark.ts'

/**
 * Every benchmark of every `*.bench.ts` in `folder`, files in order of name.
 *
 * A file that can't be loaded must not hide the others: it becomes one benchmark, named after the file, that says why it
 * didn't run.
 */
export async function findBenchmarks(folder: string): Promise<readonly Benchmark[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.bench.ts')).toSorted()
  const found = await Promise.all(files.map((file) => loadBenchmarks(join(folder, file), file)))
  return found.flat()
}

async function loadBenchmarks(path: string, file: string): Promise<readonly Benchmark[]> {
  try {
    const module: { readonly benchmarks?: unknown } = await import(pathToFileURL(path).href)
    if (!Array.isArray(module.benchmarks)) return [unloadable(file, 'exports no list called benchmarks')]
    return module.benchmarks
  } catch (error) {
    return [unloadable(file, error instanceof Error ? error.message : String(error))]
  }
}

function unloadable(file: string, why: string): Benchmark {
  return {
    name: file.replace(/\.bench\.ts$/, ''),
    unit: '',
    better: 'higher',
    target: null,
    peerName: null,
    run: async () => ({ reason: `${file} can't be loaded: ${why}` }),
  }
}

export type Selection =
  | { readonly chosen: readonly Benchmark[] }
  /** Asked for, but no benchmark has this name or stands below it. */
  | { readonly unknown: readonly string[] }

/** Those named, or below a name at a dot (`shield` chooses `shield.throughput`, never `shielding`); all when none is named. */
export function selectBenchmarks(all: readonly Benchmark[], names: readonly string[]): Selection {
  const unknown = names.filter((name) => !all.some((benchmark) => isBelow(benchmark.name, name)))
  if (unknown.length > 0) return { unknown }
  if (names.length === 0) return { chosen: all }
  return { chosen: all.filter((benchmark) => names.some((name) => isBelow(benchmark.name, name))) }
}

function isBelow(name: string, asked: string): boolean {
  return name === asked || name.startsWith(`${asked}.`)
}
