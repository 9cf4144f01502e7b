export * from './charter.ts'
export * from './database.ts'
