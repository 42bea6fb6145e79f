-- One row in every table that version 3 of the schema added.
insert into counts (project_id, scope, key, what, slot, n) values
    ('7f1c0000-0000-7000-8000-00000000000a', 'story', 'sub_1', 'runs', 0, 3);
insert into buckets (project_id, scope, key, level, at, told) values
    ('7f1c0000-0000-7000-8000-00000000000a', 'commands', '7', 59000000, 1790000000000000, 0);
