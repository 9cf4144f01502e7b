export * from './charter.ts'
export * from './database.ts'
export * from './processes.ts'
export * from './recorded-parts.ts'
