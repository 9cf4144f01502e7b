export { agentCommand } from './agent-command.ts'
export { AGENT_BUILD } from './build.ts'
export { type InterfaceLabel, readInterfaceLabels } from './capture/accessibility/read-labels.ts'
