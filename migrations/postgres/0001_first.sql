-- Times are microseconds since the epoch, money is nano-USD, JSON is kept as text exactly as written (text holds an escaped NUL, jsonb refuses it).
-- Run by the owner. The role syndarix_app exists before: roles belong to the server, not to one database.

-- Dispatcher tables: read before the project of an item is known.

create table projects (
    id uuid not null primary key,
    forge text not null,
    repo_id bigint not null,
    path text not null,
    default_branch text not null,
    created_at bigint not null,
    unique (forge, repo_id)
);

create table inbox (
    id uuid not null primary key,
    hook text not null,
    delivery_id text not null,
    event text not null,
    body bytea not null,
    source text not null check (source in ('webhook', 'internal', 'synthetic')),
    received_at bigint not null,
    last_seen bigint not null,
    redeliveries bigint not null default 0,
    state text not null default 'received' check (state in ('received', 'routed', 'ignored', 'failed')),
    note text,
    project_id uuid,
    finished_at bigint,
    unique (hook, delivery_id)
);
create index inbox_recent on inbox (received_at);
create index inbox_state on inbox (state, received_at);

-- What is to be done and who is doing it: ids only. lease_until = 0 means free; again_at is work that arrived during a lease.
create table work (
    kind text not null,
    id uuid not null,
    project_id uuid,
    lane uuid,
    run_at bigint not null,
    again_at bigint,
    lease_until bigint not null default 0,
    epoch bigint not null default 0,
    owner text,
    attempts bigint not null default 0,
    generation bigint not null default 0,
    primary key (kind, id)
);
create index work_due on work (kind, run_at);

-- Tenant tables: every key contains the project.

create table subjects (
    project_id uuid not null references projects (id),
    id uuid not null,
    kind text not null,
    number bigint not null,
    created_at bigint not null,
    primary key (project_id, id),
    unique (project_id, kind, number)
);

create table aliases (
    project_id uuid not null,
    alias text not null,
    subject_id uuid not null,
    primary key (project_id, alias),
    foreign key (project_id, subject_id) references subjects (project_id, id)
);
create index aliases_subject on aliases (project_id, subject_id);

create table intents (
    seq bigint generated always as identity primary key,
    project_id uuid not null,
    id uuid not null,
    subject_id uuid not null,
    source_key text not null,
    kind text not null,
    actor text,
    payload text not null,
    at bigint not null,
    state text not null default 'pending' check (state in ('pending', 'done', 'refused', 'ignored', 'parked')),
    attempts bigint not null default 0,
    not_before bigint,
    note text,
    unique (project_id, id),
    unique (project_id, source_key),
    foreign key (project_id, subject_id) references subjects (project_id, id)
);
create index intents_pending on intents (project_id, subject_id, seq) where state = 'pending';
create index intents_subject on intents (project_id, subject_id, seq);

-- The journal. Append-only: a trigger refuses changes, and another queues each row for sealing, so no writer can forget to.
create table journal (
    ordinal bigint generated always as identity primary key,
    project_id uuid not null references projects (id),
    id uuid not null,
    stream text not null,
    stream_id uuid not null,
    version bigint not null,
    kind text not null,
    actor text not null,
    target text not null,
    payload text not null,
    causation text,
    at bigint not null,
    unique (project_id, id),
    unique (project_id, stream, stream_id, version)
);

create table seal_queue (
    project_id uuid not null,
    ordinal bigint not null,
    primary key (project_id, ordinal)
);

create table chain (
    project_id uuid not null references projects (id),
    seq bigint not null,
    entry uuid not null,
    line text not null,
    prev text not null,
    hash text not null,
    primary key (project_id, seq),
    unique (project_id, entry)
);

-- How far the chain has been pushed to the audit repository.
create table audit_pushes (
    project_id uuid not null primary key references projects (id),
    next_seq bigint not null,
    head text,
    at bigint not null
);

create table effects (
    seq bigint generated always as identity primary key,
    project_id uuid not null,
    id uuid not null,
    lane uuid not null,
    kind text not null,
    coalesce_key text,
    payload text not null,
    state text not null default 'pending' check (state in ('pending', 'performing', 'done', 'failed', 'replaced')),
    attempts bigint not null default 0,
    not_before bigint,
    receipt text,
    error text,
    created_at bigint not null,
    unique (project_id, id),
    foreign key (project_id, lane) references subjects (project_id, id)
);
create index effects_open on effects (project_id, lane, seq) where state in ('pending', 'performing');

create table agents (
    project_id uuid not null,
    id uuid not null,
    subject_id uuid not null,
    kind text not null,
    name text not null,
    context text,
    created_at bigint not null,
    primary key (project_id, id),
    unique (project_id, subject_id, kind),
    foreign key (project_id, subject_id) references subjects (project_id, id)
);

create table runs (
    project_id uuid not null,
    id uuid not null,
    subject_id uuid not null,
    agent_kind text not null,
    agent_id uuid not null,
    purpose text not null,
    round bigint not null,
    input text not null,
    state text not null default 'pending' check (state in ('pending', 'running', 'waiting', 'finished', 'failed', 'stopped')),
    stop_requested boolean not null default false,
    outcome text,
    created_at bigint not null,
    changed_at bigint not null,
    primary key (project_id, id),
    foreign key (project_id, subject_id) references subjects (project_id, id)
);
create index runs_subject on runs (project_id, subject_id, created_at);

create table steps (
    project_id uuid not null,
    run_id uuid not null,
    seq bigint not null,
    name text not null,
    input_hash text not null,
    state text not null default 'started' check (state in ('started', 'done')),
    attempts bigint not null default 1,
    result text,
    changes text,
    tree text,
    cost bigint not null default 0,
    started_at bigint not null,
    finished_at bigint,
    primary key (project_id, run_id, seq),
    foreign key (project_id, run_id) references runs (project_id, id)
);

-- Texts of people and models, referred to by hash. Erasing empties the body and keeps the row.
create table texts (
    project_id uuid not null references projects (id),
    hash text not null,
    body bytea,
    primary key (project_id, hash)
);

-- The mirror: what the forge last said about an object.
create table objects (
    project_id uuid not null references projects (id),
    kind text not null,
    key text not null,
    data text not null,
    forge_updated_at bigint,
    seen_at bigint not null,
    primary key (project_id, kind, key)
);

create table budgets (
    project_id uuid not null,
    subject_id uuid not null,
    spent bigint not null default 0 check (spent >= 0),
    reserved bigint not null default 0 check (reserved >= 0),
    primary key (project_id, subject_id),
    foreign key (project_id, subject_id) references subjects (project_id, id)
);

create table ledger (
    project_id uuid not null,
    id uuid not null,
    subject_id uuid not null,
    run_id uuid not null,
    step bigint not null,
    model text not null,
    amount bigint not null check (amount >= 0),
    actual bigint check (actual >= 0),
    usage text,
    at bigint not null,
    settled_at bigint,
    primary key (project_id, id),
    unique (project_id, run_id, step),
    foreign key (project_id, subject_id) references subjects (project_id, id)
);
create index ledger_subject on ledger (project_id, subject_id, at);

create table timers (
    project_id uuid not null,
    id uuid not null,
    subject_id uuid not null,
    kind text not null,
    at bigint not null,
    payload text not null,
    primary key (project_id, id),
    foreign key (project_id, subject_id) references subjects (project_id, id)
);

-- Fencing numbers never repeat, even when a work row was deleted and made again.
create sequence work_epoch;

-- The system's own chain belongs to this row.
insert into projects (id, forge, repo_id, path, default_branch, created_at) values ('00000000-0000-0000-0000-000000000000', 'system', 0, 'system', '', 0);

create function queue_for_sealing() returns trigger language plpgsql as $$
begin
    insert into seal_queue (project_id, ordinal) values (new.project_id, new.ordinal);
    return null;
end $$;
create trigger journal_queued after insert on journal for each row execute function queue_for_sealing();

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the % is append-only', tg_table_name;
end $$;
create trigger journal_fixed before update or delete on journal for each row execute function refuse_change();
create trigger journal_kept before truncate on journal for each statement execute function refuse_change();
create trigger chain_fixed before update or delete on chain for each row execute function refuse_change();
create trigger chain_kept before truncate on chain for each statement execute function refuse_change();

-- After a commit the setting reads '' and not null, hence nullif: no setting, no rows.
do $$
declare t text;
begin
    foreach t in array array['subjects', 'aliases', 'intents', 'journal', 'seal_queue', 'chain', 'audit_pushes', 'effects', 'agents', 'runs',
                             'steps', 'texts', 'objects', 'budgets', 'ledger', 'timers'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I using (project_id = nullif(current_setting(''app.project_id'', true), '''')::uuid)
                        with check (project_id = nullif(current_setting(''app.project_id'', true), '''')::uuid)', t);
        execute format('grant select, insert, update, delete on %I to syndarix_app', t);
    end loop;
end $$;
revoke update, delete on journal, chain from syndarix_app;
grant select, insert, update on projects, inbox to syndarix_app;
grant select, insert, update, delete on work to syndarix_app;
grant usage on sequence work_epoch to syndarix_app;
