/**
 * The systemd user unit. Hardened as far as a user's own manager can: what needs a namespace it does in one of its own
 * (`PrivateUsers`), and where that is not allowed systemd says so in its log and leaves those lines out.
 *
 * `PrivateTmp` is not among them: the X server's socket is in /tmp. Nor is `MemoryDenyWriteExecute`: Node compiles while it runs.
 */
export interface UnitOptions {
  readonly node: string
  readonly flags: readonly string[]
  readonly entry: string
  readonly device: string
  readonly session: string
}

export function systemdUnit({ node, flags, entry, device, session }: UnitOptions): string {
  const command = [node, ...flags, entry, 'daemon', '--device', device].map(quoted).join(' ')
  return `# Written by \`fairtrace-agent install\`; \`fairtrace-agent uninstall\` takes it away.
[Unit]
Description=Fairtrace: records the apps that you chose, while you agree
PartOf=graphical-session.target
After=graphical-session.target

[Service]
ExecStart=${command}
Restart=on-failure
RestartSec=5
UMask=0077
# Nothing of its memory on a disk: no core (1 also keeps a collector from being started), no swap.
LimitCORE=1
MemorySwapMax=0
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
PrivateUsers=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ReadWritePaths=${quoted(device)} ${quoted(session)}

[Install]
WantedBy=graphical-session.target
`
}

/** As systemd reads it: in quotes, with its own two escapes and no specifier. */
function quoted(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/%/g, '%%').replace(/\$/g, '$$$$')}"`
}
