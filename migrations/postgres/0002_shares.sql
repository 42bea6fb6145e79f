-- Work is claimed share by share, so that one project's flood does not keep the others waiting. A share is a project; for a delivery,
-- whose project is not known yet, its lane column holds a hash of the repository that it names.
create index work_share on work (kind, (coalesce(project_id, lane, '00000000-0000-0000-0000-000000000000'::uuid)), run_at);

-- Rows come and go all the time: the planner is told soon, and the dead are swept soon.
alter table work set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 500);
