"""A training from a config: checks, a dry run, the runner, where a run resumes from."""
