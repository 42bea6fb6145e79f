-- Service tokens. Of the secret only a digest is kept. scopes: words separated by blanks; projects: ids as a JSON list, null: all.
-- last_used is brought up to date once an hour at most. Issuing and revoking are entries of the system's own record as well.
create table tokens (
    id uuid not null primary key,
    name text not null,
    digest text not null,
    scopes text not null,
    projects text,
    issued_by text not null,
    issued_at bigint not null,
    expires_at bigint,
    revoked_by text,
    revoked_at bigint,
    last_used bigint
);
create unique index tokens_name on tokens (name) where revoked_at is null;
grant select, insert, update on tokens to syndarix_app;
