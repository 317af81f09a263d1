PYTHON ?= python3
PORT ?= 8000
# More than cores: a third of the time is spent waiting for processes.
PYTEST_WORKERS ?= 3
PYTEST_ARGS ?=
COVERAGE_MINIMUM ?= 90
DAYS ?= 30
JOBS ?= 500
# wheel: the embedded PostgreSQL; system: the distribution's.
PG ?= wheel

VENV_BIN := .venv/bin
INSTALL := $(PYTHON) scheduler_project/embedded/install.py

.DEFAULT_GOAL := help
.PHONY: help venv venv-dev run test prove coverage test-without-redis check fmt prove-schedule bench bench-ticks bench-outage bench-api bench-console bench-notifications screenshots fuzz-api security chaos chaos-smoke soak prove-long-run chromium pgbouncer clean-state

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*  ## (.*)/  make \1|\2/' | awk -F '|' '{ printf "%-20s %s\n", $$1, $$2 }'

run: venv  ## start everything; Ctrl-C ends it (PORT=8123 chooses the port)
	@exec $(VENV_BIN)/python -m scheduler_project.embedded.run --port "$(PORT)"

test: venv-dev chromium pgbouncer  ## run all tests but the longest proofs (PYTEST_ARGS=..., PG=system)
	TEST_POSTGRES=$(PG) $(VENV_BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal -m "not long" $(PYTEST_ARGS) \
		|| { [ $$? = 1 ] && echo "Once more, one by one: what measures time says little beside others." \
			&& TEST_POSTGRES=$(PG) $(VENV_BIN)/python -m pytest --last-failed --last-failed-no-failures none --maxfail 3; }

prove: venv-dev chromium pgbouncer  ## the proofs that take long: benches, backends, mutants, fuzzing, long runs, 10,000 secrets
	TEST_POSTGRES=$(PG) $(VENV_BIN)/python -m pytest -n 2 --dist worksteal -m long

coverage:  ## the same with coverage of lines and branches, which takes half as long again
	@$(MAKE) test PYTEST_ARGS="--cov --cov-report= $(PYTEST_ARGS)"
	$(VENV_BIN)/coverage report --skip-covered --fail-under $(COVERAGE_MINIMUM)

test-without-redis: venv-dev  ## the suite of executions with Redis stopped and without Celery (about four minutes)
	SCHEDULER_USE_CELERY=false TEST_REDIS=stopped $(VENV_BIN)/python -m pytest -m "not acceptance" \
		tests/jobs/execution tests/jobs/test_executions.py tests/jobs/test_settle_race.py

check: venv-dev  ## format, lint, types, layers, migrations, deployment settings, packages
	$(VENV_BIN)/ruff format --check
	$(VENV_BIN)/ruff check
	$(VENV_BIN)/mypy
	$(VENV_BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=scheduler_project.settings.test $(VENV_BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	DJANGO_SETTINGS_MODULE=scheduler_project.settings.prod \
		DAYBOOK_SECRET_KEY=dummy-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ \
		DAYBOOK_ALLOWED_HOSTS=daybook.example DATABASE_URL=postgres://daybook@127.0.0.1:9/daybook \
		REDIS_URL=redis://127.0.0.1:9/0 $(VENV_BIN)/python manage.py check --deploy --fail-level WARNING
	$(VENV_BIN)/python -m pip check

fmt: venv-dev  ## format the code and mend what ruff can mend
	$(VENV_BIN)/ruff format
	$(VENV_BIN)/ruff check --fix

prove-schedule: venv-dev  ## compare the schedule engine with a brute-force oracle over all zones (about a quarter of an hour)
	$(VENV_BIN)/python -m tests.jobs.rules.prove $(ARGS)

bench: venv-dev  ## jobs a second and how soon they start, beside Celery and procrastinate (about 8 minutes; ARGS=...)
	$(VENV_BIN)/python -m benchmarks.runs $(ARGS)

bench-ticks: venv-dev  ## 1,000 to 100,000 jobs due in one second, beside stock django-celery-beat (about 7 minutes; ARGS=...)
	$(VENV_BIN)/python -m benchmarks.ticks $(ARGS)

bench-outage: venv-dev  ## DAYS without a scheduler for JOBS jobs each minute, and how it catches up
	$(VENV_BIN)/python -m benchmarks.outage --days $(DAYS) --jobs $(JOBS) $(ARGS)

bench-api: venv-dev  ## submissions and lists under 50 clients with 1,000,000 executions (about 3 minutes; ARGS=...)
	$(VENV_BIN)/python -m benchmarks.api $(ARGS)

bench-console: venv-dev chromium  ## what pages weigh, how soon they show what happens, and how soon they open with 1,000,000 runs (ARGS=...)
	$(VENV_BIN)/python -m benchmarks.console $(ARGS)

bench-notifications: venv-dev  ## failing runs a second, with and without anybody to be told of them (about 3 minutes; ARGS=...)
	$(VENV_BIN)/python -m benchmarks.notifications $(ARGS)

screenshots: venv-dev chromium  ## pictures of the console into docs/images (ARGS="--serve 8123" opens the stage instead)
	$(VENV_BIN)/python -m tests.screenshots $(ARGS)

fuzz-api: venv-dev  ## 20,000 requests made from the OpenAPI document, good and bad (ARGS=...)
	$(VENV_BIN)/python -m tests.contract.fuzz --requests 20000 $(ARGS)

security: venv-dev  ## insecure code (bandit, our own list), known holes of packages (needs the network)
	$(VENV_BIN)/bandit -q -c pyproject.toml -r scheduler_project accounts jobs templates_registry notifications -ll
	$(VENV_BIN)/python -m pytest -q tests/test_source.py
	$(VENV_BIN)/pip-audit -r requirements.txt --no-deps --disable-pip

chaos: venv-dev pgbouncer  ## hurt real processes for eight minutes, then judge the ledger (SEED=..., CHAOS_MINUTES=...)
	@exec $(VENV_BIN)/python -m tests.chaos

chaos-smoke: venv-dev pgbouncer  ## the same in 90 seconds, without the mutants
	@CHAOS_MINUTES=1.5 exec $(VENV_BIN)/python -m tests.chaos --no-mutants

soak: venv-dev pgbouncer  ## 50,000 runs, with the memory of every process before and after (about 10 minutes; SOAK_RUNS=...)
	@exec $(VENV_BIN)/python -m tests.chaos.soak

prove-long-run: venv-dev pgbouncer  ## one run of over an hour is done once (65 minutes; LONG_RUN_MINUTES=...)
	@exec $(VENV_BIN)/python -m tests.chaos.long_run

venv:  ## make .venv with the pinned requirements
	@$(INSTALL)

venv-dev:  ## the same with the development requirements
	@$(INSTALL) dev

# The browser comes from the distribution: where it cannot be had, the browser tests are left out.
chromium:
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; then :; \
	else echo "Left out: the browser tests, since there is no chromium on PATH and it cannot be installed here."; fi

pgbouncer:
	@if command -v pgbouncer >/dev/null || test -x /usr/sbin/pgbouncer; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgbouncer; then :; \
	else echo "Left out: PgBouncer, since there is none on PATH and it cannot be installed here."; fi

clean-state: venv  ## remove the embedded database and everything else that `make run` keeps
	@$(VENV_BIN)/python -m scheduler_project.embedded.clean
