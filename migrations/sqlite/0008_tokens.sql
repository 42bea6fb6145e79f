-- Service tokens. Of the secret only a digest is kept. scopes: words separated by blanks; projects: ids as a JSON list, null: all.
-- last_used is brought up to date once an hour at most. Issuing and revoking are entries of the system's own record as well.
create table tokens (
    id blob not null primary key,
    name text not null,
    digest text not null,
    scopes text not null,
    projects text,
    issued_by text not null,
    issued_at integer not null,
    expires_at integer,
    revoked_by text,
    revoked_at integer,
    last_used integer
) strict;
create unique index tokens_name on tokens (name) where revoked_at is null;
