-- Times are microseconds since the epoch, money is nano-USD, JSON is kept as text exactly as written (text holds an escaped NUL, jsonb refuses it).

-- Dispatcher tables: read before the project of an item is known.

create table projects (
    id blob not null primary key,
    forge text not null,
    repo_id integer not null,
    path text not null,
    default_branch text not null,
    created_at integer not null,
    unique (forge, repo_id)
) strict;

create table inbox (
    id blob not null primary key,
    hook text not null,
    delivery_id text not null,
    event text not null,
    body blob not null,
    source text not null check (source in ('webhook', 'internal', 'synthetic')),
    received_at integer not null,
    last_seen integer not null,
    redeliveries integer not null default 0,
    state text not null default 'received' check (state in ('received', 'routed', 'ignored', 'failed')),
    note text,
    project_id blob,
    finished_at integer,
    unique (hook, delivery_id)
) strict;
create index inbox_recent on inbox (received_at);
create index inbox_state on inbox (state, received_at);

-- What is to be done and who is doing it: ids only. lease_until = 0 means free; again_at is work that arrived during a lease.
create table work (
    kind text not null,
    id blob not null,
    project_id blob,
    lane blob,
    run_at integer not null,
    again_at integer,
    lease_until integer not null default 0,
    epoch integer not null default 0,
    owner text,
    attempts integer not null default 0,
    generation integer not null default 0,
    primary key (kind, id)
) strict, without rowid;
create index work_due on work (kind, run_at);

-- Tenant tables: every key contains the project.

create table subjects (
    project_id blob not null references projects (id),
    id blob not null,
    kind text not null,
    number integer not null,
    created_at integer not null,
    primary key (project_id, id),
    unique (project_id, kind, number)
) strict;

create table aliases (
    project_id blob not null,
    alias text not null,
    subject_id blob not null,
    primary key (project_id, alias),
    foreign key (project_id, subject_id) references subjects (project_id, id)
) strict, without rowid;
create index aliases_subject on aliases (project_id, subject_id);

create table intents (
    seq integer primary key autoincrement,
    project_id blob not null,
    id blob not null,
    subject_id blob not null,
    source_key text not null,
    kind text not null,
    actor text,
    payload text not null,
    at integer not null,
    state text not null default 'pending' check (state in ('pending', 'done', 'refused', 'ignored', 'parked')),
    attempts integer not null default 0,
    not_before integer,
    note text,
    unique (project_id, id),
    unique (project_id, source_key),
    foreign key (project_id, subject_id) references subjects (project_id, id)
) strict;
create index intents_pending on intents (project_id, subject_id, seq) where state = 'pending';
create index intents_subject on intents (project_id, subject_id, seq);

-- The journal. Append-only: a trigger refuses changes, and another queues each row for sealing, so no writer can forget to.
create table journal (
    ordinal integer primary key autoincrement,
    project_id blob not null references projects (id),
    id blob not null,
    stream text not null,
    stream_id blob not null,
    version integer not null,
    kind text not null,
    actor text not null,
    target text not null,
    payload text not null,
    causation text,
    at integer not null,
    unique (project_id, id),
    unique (project_id, stream, stream_id, version)
) strict;

create table seal_queue (
    project_id blob not null,
    ordinal integer not null,
    primary key (project_id, ordinal)
) strict, without rowid;

create table chain (
    project_id blob not null references projects (id),
    seq integer not null,
    entry blob not null,
    line text not null,
    prev text not null,
    hash text not null,
    primary key (project_id, seq),
    unique (project_id, entry)
) strict;

-- How far the chain has been pushed to the audit repository.
create table audit_pushes (
    project_id blob not null primary key references projects (id),
    next_seq integer not null,
    head text,
    at integer not null
) strict;

create table effects (
    seq integer primary key autoincrement,
    project_id blob not null,
    id blob not null,
    lane blob not null,
    kind text not null,
    coalesce_key text,
    payload text not null,
    state text not null default 'pending' check (state in ('pending', 'performing', 'done', 'failed', 'replaced')),
    attempts integer not null default 0,
    not_before integer,
    receipt text,
    error text,
    created_at integer not null,
    unique (project_id, id),
    foreign key (project_id, lane) references subjects (project_id, id)
) strict;
create index effects_open on effects (project_id, lane, seq) where state in ('pending', 'performing');

create table agents (
    project_id blob not null,
    id blob not null,
    subject_id blob not null,
    kind text not null,
    name text not null,
    context text,
    created_at integer not null,
    primary key (project_id, id),
    unique (project_id, subject_id, kind),
    foreign key (project_id, subject_id) references subjects (project_id, id)
) strict;

create table runs (
    project_id blob not null,
    id blob not null,
    subject_id blob not null,
    agent_kind text not null,
    agent_id blob not null,
    purpose text not null,
    round integer not null,
    input text not null,
    state text not null default 'pending' check (state in ('pending', 'running', 'waiting', 'finished', 'failed', 'stopped')),
    stop_requested integer not null default 0,
    outcome text,
    created_at integer not null,
    changed_at integer not null,
    primary key (project_id, id),
    foreign key (project_id, subject_id) references subjects (project_id, id)
) strict;
create index runs_subject on runs (project_id, subject_id, created_at);

create table steps (
    project_id blob not null,
    run_id blob not null,
    seq integer not null,
    name text not null,
    input_hash text not null,
    state text not null default 'started' check (state in ('started', 'done')),
    attempts integer not null default 1,
    result text,
    changes text,
    tree text,
    cost integer not null default 0,
    started_at integer not null,
    finished_at integer,
    primary key (project_id, run_id, seq),
    foreign key (project_id, run_id) references runs (project_id, id)
) strict;

-- Texts of people and models, referred to by hash. Erasing empties the body and keeps the row.
create table texts (
    project_id blob not null references projects (id),
    hash text not null,
    body blob,
    primary key (project_id, hash)
) strict;

-- The mirror: what the forge last said about an object.
create table objects (
    project_id blob not null references projects (id),
    kind text not null,
    key text not null,
    data text not null,
    forge_updated_at integer,
    seen_at integer not null,
    primary key (project_id, kind, key)
) strict;

create table budgets (
    project_id blob not null,
    subject_id blob not null,
    spent integer not null default 0 check (spent >= 0),
    reserved integer not null default 0 check (reserved >= 0),
    primary key (project_id, subject_id),
    foreign key (project_id, subject_id) references subjects (project_id, id)
) strict;

create table ledger (
    project_id blob not null,
    id blob not null,
    subject_id blob not null,
    run_id blob not null,
    step integer not null,
    model text not null,
    amount integer not null check (amount >= 0),
    actual integer check (actual >= 0),
    usage text,
    at integer not null,
    settled_at integer,
    primary key (project_id, id),
    unique (project_id, run_id, step),
    foreign key (project_id, subject_id) references subjects (project_id, id)
) strict;
create index ledger_subject on ledger (project_id, subject_id, at);

create table timers (
    project_id blob not null,
    id blob not null,
    subject_id blob not null,
    kind text not null,
    at integer not null,
    payload text not null,
    primary key (project_id, id),
    foreign key (project_id, subject_id) references subjects (project_id, id)
) strict;

-- The system's own chain belongs to this row.
insert into projects (id, forge, repo_id, path, default_branch, created_at) values (zeroblob(16), 'system', 0, 'system', '', 0);

create trigger journal_queued after insert on journal begin
    insert into seal_queue (project_id, ordinal) values (new.project_id, new.ordinal);
end;
create trigger journal_no_update before update on journal begin
    select raise(abort, 'the journal is append-only');
end;
create trigger journal_no_delete before delete on journal begin
    select raise(abort, 'the journal is append-only');
end;
create trigger chain_no_update before update on chain begin
    select raise(abort, 'the chain is append-only');
end;
create trigger chain_no_delete before delete on chain begin
    select raise(abort, 'the chain is append-only');
end;
