/** What the desktop agent declares as its build; a charter lists the builds that were reviewed. */
export const AGENT_BUILD = 'fairtrace-agent-0.1.0'
