export * from './embedded/data-dir.ts'
export * from './embedded/supervisor.ts'
export { ROLES, type RoleName } from './runtime/role.ts'
export { serveRole } from './runtime/serve.ts'
