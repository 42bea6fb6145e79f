-- One row in every table that version 5 of the schema added.
insert into settings (project_id, key, value, set_by, set_at) values
    (x'7f1c000000007000800000000000000a', 'autonomy', '"full-control"', '{"id":9,"login":"mona"}', 1790000000000000);
insert into budget_months (project_id, month, subject_id, spent, reserved) values
    (x'7f1c000000007000800000000000000a', '2026-08', x'7f1c0000000070008000000000000002', 700, 0);
