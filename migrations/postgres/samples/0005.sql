-- One row in every table that version 5 of the schema added.
insert into settings (project_id, key, value, set_by, set_at) values
    ('7f1c0000-0000-7000-8000-00000000000a', 'autonomy', '"full-control"', '{"id":9,"login":"mona"}', 1790000000000000);
insert into budget_months (project_id, month, subject_id, spent, reserved) values
    ('7f1c0000-0000-7000-8000-00000000000a', '2026-08', '7f1c0000-0000-7000-8000-000000000002', 700, 0);
