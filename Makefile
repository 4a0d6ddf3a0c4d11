# make run      the demo site on this machine, until Ctrl-C      (ONCE=1: one search, then stop)
# make test     formatting, lints and every test
# make soak     the tests that take long: long files, many rounds (ROUNDS=40 of writing, and of killing dird)
# make bench    requests per second beside a bare server         (SECONDS=3 per figure; ONLY=phones, engine, ldap, hung, doors, scale, edge or allowlist)

CARGO   ?= cargo
TARGET  := $(or $(CARGO_TARGET_DIR),target)
ONCE    ?=
# Not from the environment: shells count seconds of their own under this name.
SECONDS := 3
ONLY    ?=
ROUNDS  := 40

.PHONY: run test soak bench packages

run:
	$(CARGO) build --locked --release -p dird -p phoned -p e2e --bin dird --bin phoned --bin quickstart
	@$(TARGET)/release/quickstart $(if $(ONCE),--once)

test: packages
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) build --locked --workspace
	$(CARGO) test --locked --workspace
	@scripts/schemathesis $(TARGET)/debug
	@scripts/py2n $(TARGET)/debug

soak: packages
	$(CARGO) build --locked --workspace
	$(CARGO) test --locked --workspace -- --ignored --skip what_a_neighbour_has
	$(CARGO) test --locked -p dird --test intercom what_a_neighbour_has -- --ignored
	SOAK_ROUNDS=$(ROUNDS) $(CARGO) test --locked -p dird --test api contacts::model
	SOAK_ROUNDS=$(ROUNDS) $(CARGO) test --locked -p dird --test intercom race
	SOAK_ROUNDS=$(ROUNDS) $(CARGO) test --locked -p dird --test store interleavings
	SOAK_ROUNDS=$(ROUNDS) $(CARGO) test --locked -p e2e --test it lose_nothing_when_killed
	SOAK_ROUNDS=$(ROUNDS) $(CARGO) test --locked -p e2e --test it fill_a_door_station
	SOAK_ROUNDS=$(ROUNDS) $(CARGO) test --locked -p e2e --test it follow_a_door_station

bench: packages
	$(CARGO) build --locked --release -p dird -p phoned -p e2e --bins
	@$(TARGET)/release/bench $(SECONDS) $(ONLY)

packages:
	@scripts/packages
