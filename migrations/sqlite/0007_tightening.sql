-- What a repository says about itself in its .syndarix.toml, as it was last read from its default branch: the text with its commit.
alter table projects add column tightening text;
