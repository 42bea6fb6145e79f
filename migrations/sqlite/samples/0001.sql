-- One row in every table as version 1 of the schema wrote it. Every later migration must leave it readable.
-- (The journal's trigger fills seal_queue.)
insert into projects (id, forge, repo_id, path, default_branch, created_at) values
    (x'7f1c000000007000800000000000000a', 'gitea', 41, 'acme/shop', 'main', 1790000000000000);
insert into inbox (id, hook, delivery_id, event, body, source, received_at, last_seen, state, note, project_id) values
    (x'7f1c0000000070008000000000000001', 'gitea', 'd-1', 'issue_comment', x'7b7d', 'webhook', 1790000000000000, 1790000000000000, 'routed', 'one command', x'7f1c000000007000800000000000000a');
insert into work (kind, id, project_id, lane, run_at) values
    ('turn', x'7f1c0000000070008000000000000002', x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000002', 1790000000000000);
insert into subjects (project_id, id, kind, number, created_at) values
    (x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000002', 'story', 42, 1790000000000000);
insert into aliases (project_id, alias, subject_id) values
    (x'7f1c000000007000800000000000000a', 'issue:42', x'7f1c0000000070008000000000000002');
insert into intents (project_id, id, subject_id, source_key, kind, actor, payload, at, state) values
    (x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000003', x'7f1c0000000070008000000000000002', 'comment:17:0:ab', 'plan', '{"id":7}', '{"focus":"tax"}', 1790000000000000, 'done');
insert into journal (project_id, id, stream, stream_id, version, kind, actor, target, payload, causation, at) values
    (x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000004', 'subject', x'7f1c0000000070008000000000000002', 1, 'story.started', '{"id":7}', '{"issue":42}', '{}', 'comment:17', 1790000000000000);
insert into chain (project_id, seq, entry, line, prev, hash) values
    (x'7f1c000000007000800000000000000a', 0, x'7f1c0000000070008000000000000004', '{}', '0000000000000000000000000000000000000000000000000000000000000000', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
insert into audit_pushes (project_id, next_seq, head, at) values
    (x'7f1c000000007000800000000000000a', 1, '9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d00000000', 1790000000000000);
insert into effects (project_id, id, lane, kind, coalesce_key, payload, created_at) values
    (x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000005', x'7f1c0000000070008000000000000002', 'comment', 'status', '{"body":"hello"}', 1790000000000000);
insert into agents (project_id, id, subject_id, kind, name, context, created_at) values
    (x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000006', x'7f1c0000000070008000000000000002', 'engineer', 'Dave', '{}', 1790000000000000);
insert into runs (project_id, id, subject_id, agent_kind, agent_id, purpose, round, input, state, created_at, changed_at) values
    (x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000007', x'7f1c0000000070008000000000000002', 'engineer', x'7f1c0000000070008000000000000006', 'implement', 1, '{}', 'running', 1790000000000000, 1790000000000000);
insert into steps (project_id, run_id, seq, name, input_hash, state, result, changes, tree, cost, started_at) values
    (x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000007', 1, 'model', 'ab', 'done', '{"text":"ok"}', '[]', '4b825dc642cb6eb9a060e54bf8d69288fbee4904', 1500, 1790000000000000);
insert into texts (project_id, hash, body) values
    (x'7f1c000000007000800000000000000a', '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824', x'68656c6c6f');
insert into objects (project_id, kind, key, data, forge_updated_at, seen_at) values
    (x'7f1c000000007000800000000000000a', 'issue', '42', '{"title":"Tax"}', 1790000000000000, 1790000000000000);
insert into budgets (project_id, subject_id, spent, reserved) values
    (x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000002', 1500, 10);
insert into ledger (project_id, id, subject_id, run_id, step, model, amount, actual, usage, at) values
    (x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000008', x'7f1c0000000070008000000000000002', x'7f1c0000000070008000000000000007', 1, 'small', 2000, 1500, '{"in":10}', 1790000000000000);
insert into timers (project_id, id, subject_id, kind, at, payload) values
    (x'7f1c000000007000800000000000000a', x'7f1c0000000070008000000000000009', x'7f1c0000000070008000000000000002', 'reminder', 1790000000000000, '{}');
