/** What a system asks the person before this program may see input, in sentences. */

/** @returns sentences in the order in which to follow them; none where the system asks nothing */
export function explainPermissions(platform: NodeJS.Platform): readonly string[] {
  switch (platform) {
    case 'darwin':
      return [
        'macOS asks whether this program may control your computer, because it wants to see clicks in other programs. It controls nothing.',
        'Open System Settings, Privacy & Security, Accessibility, and switch the program on that started the agent (your terminal, or fairtrace-agent).',
        'Do the same under Input Monitoring. Under Screen & System Audio Recording it is not needed, and you should say no: no picture is ever taken.',
        'Switch it off there at any time: the agent then says that it sees nothing. Typing is not recorded on macOS at all.',
      ]
    case 'win32':
      return [
        'Windows asks nothing before a program sees clicks in other programs of yours; it hides those that run as administrator.',
        'Do not start the agent as administrator: it needs no such right, and refuses nothing without it.',
        'Typing is not recorded on Windows at all.',
      ]
    case 'linux':
      return [
        'On X11 nothing is asked: every program on your display may see input. The agent looks only while it may record, and says so.',
        'Your desktop’s accessibility must be on (package at-spi2-core): without it the agent can’t tell a password field from another, and records no typing.',
        'On Wayland no program may see what another is given. The agent then says so and records nothing.',
      ]
    default:
      return ['The agent does not know this system, and records nothing here.']
  }
}
