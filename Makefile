# The commands of this project. Each one says its steps and installs what it needs; the scripts behind them are in scripts/.

.PHONY: run test lint chaos-log fuzz-etcd bench-proxy bench-etcd bench-log bench-open bench-admin schemathesis

# Builds and starts a whole gateway. Options of `portolan up`: make run ARGS="--store postgres://…"
run:
	@exec scripts/run $(ARGS)

# The whole test suite; its last line counts passed and failed tests.
test:
	@exec scripts/test

# Formatting and lints, Rust and dashboard.
lint:
	@exec scripts/lint

# What both listeners answer, beside what their OpenAPI documents say; PHASES=examples,coverage,fuzzing asks more.
schemathesis:
	@exec scripts/schemathesis $(ARGS)

# 200 rounds of kill -9 under 32 writers, and an account of every event; PORTOLAN_CHAOS_ROUNDS=… for another number.
chaos-log:
	@exec scripts/chaos-log $(ARGS)

# Malformed and half-right requests to the etcd service, for minutes; FUZZ_SECONDS=… for another time.
fuzz-etcd:
	@exec scripts/fuzz-etcd $(ARGS)

# Proxied requests per second beside nginx; bench/README.md says how to read it.
bench-proxy:
	@exec scripts/bench-proxy $(ARGS)

# The etcd service beside a real etcd: puts, reads, transactions, watchers.
bench-etcd:
	@exec scripts/bench-log etcd $(ARGS)

# Writes through the Admin API over HTTPS, on PostgreSQL.
bench-admin:
	@exec scripts/bench-admin $(ARGS)

# Puts on every database, beside etcd, from 1 to 256 writers.
bench-log:
	@exec scripts/bench-log etcd --databases postgres,mariadb --work put --clients 1,16,64,256 --watchers 0 --json-watchers 0 $(ARGS)

# How long a control plane takes to serve a log of 1,000,000 events and 100,000 keys, and how long its verification takes.
bench-open:
	@exec scripts/bench-log open --verify $(ARGS)
