export { AGENT_BUILD } from './build.ts'
