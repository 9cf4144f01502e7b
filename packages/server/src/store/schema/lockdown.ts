/** Tables of lockdown: which processes run, what each lockdown was, and who has acknowledged it. */

export const lockdownSql = `
-- Every running server process, under an id of its own. Its sign of life is signed with the key that the charter names for its
-- role, so that a row that nobody signed is no sign of life.
create table install.points (
  point text primary key,
  role text not null,
  build text not null,
  started_at_ms bigint not null,
  -- {"point","role","build","epoch","state","beatMs","detail"} in canonical JSON, and the role's Ed25519 signature over it.
  body text not null,
  signature text not null,
  -- By the database's own clock, so that no process tells how fresh it is.
  seen_at timestamptz not null default clock_timestamp(),
  left_at timestamptz,
  owner text not null default current_user
);
create table install.lockdowns (
  epoch int primary key,
  at_ms bigint not null,
  -- A role, a process or "a person who may"; no name.
  by text not null,
  reason text not null,
  exposure text,
  drill text,
  -- From when on the gate let it run again.
  ended_at_ms bigint
);
-- One row a point and epoch: signed by the point's key.
create table install.acknowledgements (
  epoch int not null,
  point text not null,
  role text not null,
  body text not null,
  signature text not null,
  at timestamptz not null default clock_timestamp(),
  owner text not null default current_user,
  primary key (epoch, point)
);
`

export const lockdownGrantsSql = ''
