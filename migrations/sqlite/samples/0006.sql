-- A delivery that was not understood and replayed twice.
insert into inbox (id, hook, delivery_id, event, body, source, received_at, last_seen, state, note, finished_at, replays, replayed_at) values
    (x'7f1c00000000700080000000000000a6', 'gitea', 'd-2', 'issues', x'7b', 'webhook', 1790000000000000, 1790000000000000, 'failed', 'the body is cut off', 1790000000000001, 2, 1790000000000002);
