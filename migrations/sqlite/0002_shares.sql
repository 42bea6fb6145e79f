-- Work is claimed share by share, so that one project's flood does not keep the others waiting. A share is a project; for a delivery,
-- whose project is not known yet, its lane column holds a hash of the repository that it names.
create index work_share on work (kind, coalesce(project_id, lane, x'00000000000000000000000000000000'), run_at);
