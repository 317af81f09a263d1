"""Settings: `dev`, `prod` and `test` build on `base`. The environment is read here and nowhere else."""
